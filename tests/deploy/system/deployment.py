"""A deployment of this checkout on the test's engine, by the command that users type; and streams that never pause.

Knows `modelyard up` and HTTP; decides nothing about what is right.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.images.containers import docker

ROOT = Path(__file__).resolve().parents[3]
MODELYARD = ROOT / ".envs/gateway/bin/modelyard"
QUESTION = {"model": "demo", "messages": [{"role": "user", "content": "What is Modelyard?"}], "temperature": 0}


@dataclass(frozen=True)
class Deployment:
    """One home, one compose project, one port."""

    home: Path
    project: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.home / 'secrets/api_key').read_text().strip()}"}

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return found

    def yard(self, *arguments: str, ok: bool = True, **environment: str) -> str:
        """What `modelyard ...` says; an AssertionError with it when it ends otherwise than it should."""
        command = [str(MODELYARD), arguments[0], "--home", str(self.home), *arguments[1:]]
        given = {**os.environ, "MODELYARD_PROJECT": self.project, **environment}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert (done.returncode == 0) is ok, f"{' '.join(command)} ended with {done.returncode}\n{said}"
        return said

    def up(self, *arguments: str, **environment: str) -> str:
        return self.yard("up", "--port", str(self.port), *arguments, **environment)

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """Those that run, as `docker inspect` tells of them."""
        wanted = [f"label=com.docker.compose.project={self.project}"]
        wanted += [f"label=com.docker.compose.service={service}"] if service else []
        filters = [part for each in wanted for part in ("--filter", each)]
        listed = docker("ps", "--quiet", "--no-trunc", *filters).split()
        return list(json.loads(docker("inspect", *sorted(listed)))) if listed else []

    def versions(self) -> dict[str, list[str]]:
        """Of each service the tags that its containers run."""
        found: dict[str, list[str]] = {}
        for container in self.containers():
            service = container["Config"]["Labels"]["com.docker.compose.service"]
            found.setdefault(service, []).append(container["Config"]["Labels"]["org.opencontainers.image.version"])
        return found

    def chat(self) -> str:
        """A streamed answer through the published port, whole."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=120, trust_env=False) as http:
            return stream(http)

    def remove(self) -> None:
        if (self.home / "state.json").is_file():
            self.yard("down", "--volumes")


class Broken(AssertionError):
    """A stream that did not end as it should."""


def stream(http: httpx.Client) -> str:
    """The whole text of one answer. Raises Broken for whatever a user would take for a fault."""
    body = {**QUESTION, "stream": True, "max_tokens": 60}
    text, reason, done = "", None, False
    with http.stream("POST", "/v1/chat/completions", json=body) as answer:
        if answer.status_code != httpx.codes.OK:
            raise Broken(f"status {answer.status_code}: {answer.read().decode()[:300]}")
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                done = True
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                raise Broken(f"after {text!r}: {event['error']}")
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
                reason = choice["finish_reason"] or reason
    if not done or reason is None:
        raise Broken(f"cut off after {text!r}")
    return text


@dataclass
class Traffic:
    """What came of the streams: each whole text once, how many there were, and what was wrong with the others."""

    answers: int = 0
    texts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


@contextlib.contextmanager
def traffic(deployment: Deployment, clients: int = 4) -> Iterator[Traffic]:
    """Streams one after the other from each of `clients`, for as long as the block runs; no client tries again."""
    seen, end, lock = Traffic(), threading.Event(), threading.Lock()

    def ask() -> None:
        with httpx.Client(base_url=deployment.url, headers=deployment.headers, timeout=120, trust_env=False) as http:
            while not end.is_set():
                try:
                    text = stream(http)
                except (httpx.HTTPError, Broken) as error:
                    with lock:
                        seen.faults.append(f"{type(error).__name__}: {error}")
                    end.wait(0.2)
                    continue
                with lock:
                    seen.answers += 1
                    seen.texts.add(text)
                end.wait(0.02)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        end.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    """A deployment that is not up yet, and is gone in the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    made = Deployment(folder / "home", f"yardtest{uuid.uuid4().hex[:8]}", port)
    try:
        yield made
    finally:
        made.remove()
