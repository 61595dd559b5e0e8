"""One test for each place where gRPC can raise; what the parrot and Triton say there, as our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from gateway.domain.generation import Finished, Sampling, TextDelta
from gateway.domain.ports import Asked
from gateway.engine import rpc_errors
from gateway.engine.client import TritonClient
from gateway.engine.rpc_errors import BackendDead, ModelNotLoaded
from modelyard import errors
from tests.gateway.running import Triton


@pytest.fixture
async def client(triton: Triton) -> AsyncIterator[TritonClient]:
    made = TritonClient(triton.url)
    await made.load("parrot", 30)
    yield made
    await made.close()


@pytest.fixture
async def nobody() -> AsyncIterator[TritonClient]:
    made = TritonClient("grpc://127.0.0.1:9")
    yield made
    await made.close()


async def _all(client: TritonClient, prompt: str, model: str = "parrot", **more: object) -> list[object]:
    events = client.generate(
        model, Asked(prompt, Sampling(max_tokens=100)), stream=True, timeout_s=more.get("timeout_s", 30)
    )  # type: ignore[arg-type]
    return [event async for event in events]


async def test_nothing_raises_when_nothing_is_wrong(client: TritonClient) -> None:
    *texts, last = await _all(client, "words=2")
    assert texts == [TextDelta("polly "), TextDelta("wants ")]
    assert isinstance(last, Finished)


async def test_opening_a_stream_to_nobody(nobody: TritonClient) -> None:
    with pytest.raises(errors.EngineUnavailable, match="cannot be reached") as caught:
        await _all(nobody, "words=2")
    assert isinstance(caught.value.__cause__, grpc.RpcError)


async def test_a_step_of_a_stream_before_anything_was_said(client: TritonClient) -> None:
    with pytest.raises(errors.InvalidInput, match=r"^the parrot was told to raise INVALID_ARG"):
        await _all(client, "raise=INVALID_ARG")
    with pytest.raises(errors.EngineUnavailable, match=r"^the parrot was told to raise UNAVAILABLE"):
        await _all(client, "raise=UNAVAILABLE")


async def test_a_step_of_a_stream_after_something_was_said(client: TritonClient) -> None:
    with pytest.raises(errors.GenerationBroken):
        await _all(client, "raise=UNAVAILABLE after=2")
    with pytest.raises(errors.EngineError, match="told to raise INTERNAL"):
        await _all(client, "raise=INTERNAL after=2")


async def test_a_text_without_a_code_inside_of_a_stream(client: TritonClient) -> None:
    with pytest.raises(ModelNotLoaded):
        await _all(client, "words=2", model="nobody")


async def test_a_deadline_within_a_stream(client: TritonClient) -> None:
    with pytest.raises(errors.EngineTimeout):
        await _all(client, "words=2 delay=30", timeout_s=0.2)


async def test_asking_for_a_card(client: TritonClient, nobody: TritonClient) -> None:
    assert (await client.card("parrot")).context_length == 4096
    with pytest.raises(ModelNotLoaded):
        await client.card("nobody")
    with pytest.raises(errors.EngineUnavailable):
        await nobody.card("parrot")


async def test_asking_for_the_index(client: TritonClient, nobody: TritonClient) -> None:
    assert (await client.index())["parrot"] is True
    with pytest.raises(errors.EngineUnavailable):
        await nobody.index()


async def test_loading(client: TritonClient, nobody: TritonClient) -> None:
    with pytest.raises(errors.EngineUnavailable, match="not well today"):
        await client.load("sick", 30)
    with pytest.raises(errors.EngineUnavailable):
        await client.load("nobody", 30)
    with pytest.raises(errors.EngineUnavailable, match="cannot be reached"):
        await nobody.load("parrot", 30)


async def test_unloading(nobody: TritonClient) -> None:
    with pytest.raises(errors.EngineUnavailable):
        await nobody.unload("parrot")


async def test_health_raises_nothing(client: TritonClient, nobody: TritonClient) -> None:
    assert await client.is_live()
    assert not await nobody.is_live()
    assert await client.is_backend_alive("parrot")


async def test_a_foreign_error_passes_untouched(client: TritonClient) -> None:
    events = client.generate("parrot", Asked("words=5"), stream=True, timeout_s=None)
    await anext(events)
    with pytest.raises(LookupError):
        await events.athrow(LookupError("not ours"))


class _Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._said = code, details

    def code(self) -> grpc.StatusCode:
        return self._said[0]

    def details(self) -> str:
        return self._said[1]


_UNLOADING = "Server is stopping, scheduler for model has stopped accepting new inference requests"


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        ("INVALID_ARGUMENT", "the prompt has 9 tokens, the model's context is 5", errors.PromptTooLong),
        ("INVALID_ARGUMENT", "'top_k' must be positive", errors.InvalidInput),
        ("UNAVAILABLE", "failed to connect to all addresses", errors.EngineUnavailable),
        ("UNAVAILABLE", "64 requests are waiting already", errors.EngineUnavailable),
        ("UNAVAILABLE", "", errors.EngineUnavailable),
        ("CANCELLED", "", errors.EngineUnavailable),
        ("RESOURCE_EXHAUSTED", "too much", errors.EngineUnavailable),
        ("DEADLINE_EXCEEDED", "", errors.EngineTimeout),
        ("NOT_FOUND", "Request for unknown model: 'm' is not found", ModelNotLoaded),
        ("UNAVAILABLE", _UNLOADING, ModelNotLoaded),
        ("INTERNAL", "Stub process 'm_0_0' is not healthy.", BackendDead),
        ("INTERNAL", "boom", errors.EngineError),
    ],
)
def test_each_status_has_its_error(code: str, details: str, kind: type[errors.ModelyardError]) -> None:
    error = rpc_errors.from_call(_Rpc(grpc.StatusCode[code], details), model="m")
    assert type(error) is kind
    assert "addresses" not in error.message


def test_a_model_that_is_being_unloaded_is_not_loaded_to_a_stream_either() -> None:
    assert type(rpc_errors.from_text(_UNLOADING, model="m")) is ModelNotLoaded


def test_a_traceback_and_paths_of_the_host_are_for_nobody() -> None:
    text = "Internal: OSError: no /srv/models/x/1/model.py here\n\nAt:\n  /srv/x.py(3): load\n"
    assert rpc_errors.presentable(text) == "OSError: no ... here"
