"""Whether a deployment answers: a streamed chat through the published port, with the key, up to its first real token.

Shows what the containers tell of themselves while it waits, and their last lines when it waited in vain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modelyard.deployment.containers import Seen
from modelyard.deployment.errors import DeploymentFailed
from modelyard.deployment.steps import Told
from modelyard.errors import EngineError, GatewayMissing, ModelyardError

if TYPE_CHECKING:
    from modelyard.cli.gateway_client import GatewayClient

DEADLINE_S = 600.0  # as the longest time that a model may take to load
_PAUSE_S = 1.0
_QUESTION = [{"role": "user", "content": "Say hello."}]


def first_token(gateway: GatewayClient, model: str) -> str:
    """The first text of a streamed answer. Raises what the gateway answered instead."""
    body = {"model": model, "messages": _QUESTION, "max_tokens": 8}
    events = gateway.stream("/v1/chat/completions", body)
    try:
        for event in events:
            for choice in event.get("choices", ()):
                delta = choice.get("delta", {})
                if text := delta.get("content") or delta.get("reasoning_content"):
                    return str(text)
    finally:
        events.close()
    raise EngineError(f"'{model}' answered without a single token")


def require_ready(gateway: GatewayClient) -> None:
    """Raises GatewayMissing until the gateway says that it is ready.

    It may answer before: what comes in while it starts waits there. But a balancer that asks it then takes it for lost
    until it asks again, and turns the next request away.
    """
    if (state := gateway.readiness()) != "ready":
        raise GatewayMissing(f"the gateway at {gateway.place.url} is {state or 'not answering'}")


def listed(gateway: GatewayClient) -> str:
    """For a deployment without a model that chats: what its gateway says that it has."""
    return ", ".join(model["id"] for model in gateway.get("/v1/models")["data"])


def wait_for_answer(
    ask: Callable[[], str],
    look: Callable[[], Sequence[Seen]],
    logs: Callable[[Seen], str],
    told: Told,
    *,
    deadline_s: float = DEADLINE_S,
    pause_s: float = _PAUSE_S,
) -> str:
    """Ask until there is an answer. Raises DeploymentFailed, with what the containers said last.

    A container that ended or keeps restarting ends the waiting at once.
    """
    until = time.monotonic() + deadline_s
    before = ""
    while True:
        try:
            return ask()
        except ModelyardError as error:
            why = error
        seen = look()
        if any(one.failed for one in seen) or not seen or time.monotonic() >= until:
            raise DeploymentFailed(_sentence(seen, why), _last_words(seen, logs)) from why
        now = ", ".join(one.in_words() for one in seen)
        if now != before:
            told.step(f"waiting for the first answer: {now}")
            before = now
        time.sleep(pause_s)


def _sentence(seen: Sequence[Seen], why: ModelyardError) -> str:
    failed = [f"{one.name} {_fate(one)}, started {one.restarts + 1} times" for one in seen if one.failed]
    return f"the deployment does not answer ({'; '.join(failed) or why.message})"


def _fate(one: Seen) -> str:
    return f"{one.status}, out of memory" if one.out_of_memory else one.status


def _last_words(seen: Sequence[Seen], logs: Callable[[Seen], str]) -> str:
    """Of those that are not well, else of all."""
    unwell = [one for one in seen if one.failed or one.health == "unhealthy" or one.status != "running"]
    return "\n".join(f"--- {one.name} ({one.health or one.status})\n{logs(one)}" for one in unwell or seen)
