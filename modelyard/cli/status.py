"""`status`: whether a gateway runs, what it has loaded, and what this machine has left.

Asks, and changes nothing.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson, GatewayUrl, Repository, settings_with
from modelyard.cli.ps import plain

if TYPE_CHECKING:
    from modelyard.cli.gateway_client import GatewayClient
    from modelyard.settings import Settings


def status(url: GatewayUrl = None, repository: Repository = None, as_json: AsJson = False) -> None:
    """Show the gateway, its models and this machine.

    Exits with 1 when no gateway answers.
    """
    from modelyard.cli.gateway_client import GatewayClient, find_place

    settings = settings_with(repository)
    place = find_place(settings, url)
    with GatewayClient.of(settings, place) as client:
        state = client.readiness()
        told: dict[str, Any] = {"gateway": {"status": state or "down", "address": place.url}, "host": _host()}
        if state is not None:
            told["gateway"] |= _service(settings, client)
            told["models"] = _models(client)
    if as_json:
        output.as_json(told)
    else:
        output.facts(_facts(told))
        if state is None:
            output.say("\nstart one: modelyard serve, or just modelyard run MODEL")
    if state is None:
        raise typer.Exit(1)


def _service(settings: Settings, client: GatewayClient) -> dict[str, Any]:
    """What is known of the process behind the address: it says so in the repository, when that is the same."""
    from modelyard.cli import unix_socket
    from modelyard.errors import ModelyardError
    from modelyard.running import find_running

    facts: dict[str, Any] = {}
    with contextlib.suppress(ModelyardError):
        facts["version"] = client.get("/openapi.json")["info"]["version"]
    path = unix_socket.path_of(settings)
    over_socket = client.place.socket is not None
    if path is not None and (over_socket or unix_socket.is_answered(path)):
        facts["socket"] = str(client.place.socket or path)
    services = find_running(settings.model_repository)
    found = [service for service in services if service.url == client.place.url or (over_socket and len(services) == 1)]
    for service in found:
        uptime = datetime.now(timezone.utc) - datetime.fromisoformat(service.started)
        facts |= {"url": service.url, "pid": service.pid, "uptime_s": int(uptime.total_seconds())}
    return facts


def _models(client: GatewayClient) -> dict[str, Any]:
    from modelyard.errors import ModelyardError

    try:
        names = [model["id"] for model in client.get("/v1/models")["data"]]
        loaded = client.has("/api/ps")
    except ModelyardError as error:  # without a key that it asks for, or while its engine is away
        return {"problem": error.message}
    return {"installed": names, "loaded": [plain(model["name"]) for model in (loaded or {}).get("models", ())]}


def _host() -> dict[str, Any]:
    import psutil

    from modelyard import host
    from modelyard.gpus import find_gpus

    return {
        "processor": host.cpu_name(),
        "memory": psutil.virtual_memory().total,
        "memory_free": host.free_memory(),
        "gpus": [{"name": gpu.name, "memory": gpu.memory} for gpu in find_gpus()],
    }


def _facts(told: dict[str, Any]) -> dict[str, str]:
    gateway, models, machine = told["gateway"], told.get("models"), told["host"]
    pairs = {"gateway": f"{gateway['status']}, {gateway.get('url', gateway['address'])}"}
    if "version" in gateway:
        pairs["version"] = gateway["version"]
    if "socket" in gateway:
        pairs["socket"] = gateway["socket"]
    if "uptime_s" in gateway:
        pairs["uptime"] = f"{_length(gateway['uptime_s'])} (process {gateway['pid']})"
    if models is not None:
        if "problem" in models:
            pairs["models"] = models["problem"]
        else:
            pairs["installed"] = ", ".join(models["installed"]) or "none"
            pairs["loaded"] = ", ".join(models["loaded"]) or "none"
    pairs["processor"] = machine["processor"]
    pairs["memory"] = f"{output.in_bytes(machine['memory_free'])} free of {output.in_bytes(machine['memory'])}"
    pairs["gpus"] = ", ".join(f"{gpu['name']} ({output.in_bytes(gpu['memory'])})" for gpu in machine["gpus"]) or "none"
    return pairs


def _length(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds} s"
