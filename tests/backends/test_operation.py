"""Many requests at once, requests that end early, models that come and go, engines that break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc.aio
import psutil
import pytest

from modelyard.engine.process import TritonProcess
from tests.backends.engines import engines_of
from tests.backends.tiny_model import CONTEXT
from tests.backends.triton_client import Answer, Client, RequestFailed

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "hello world"
GREEDY = {"temperature": 0, "ignore_eos": True}
PROMPTS = [f"{word} {number}" for number in range(8) for word in ("hello", "a lazy dog", "the fox", "世界")]


async def failure(awaited) -> str:
    with pytest.raises((RequestFailed, grpc.aio.AioRpcError)) as failed:
        await awaited
    return failed.value.details() if isinstance(failed.value, grpc.aio.AioRpcError) else str(failed.value)


async def only(engines: int, triton: TritonProcess) -> None:
    """Wait until there are no more engines than these; the test's own time limit ends a wait in vain."""
    while len(engines_of(triton)) > engines:  # noqa: ASYNC110 - processes tell nobody
        await asyncio.sleep(0.02)


async def test_32_streams_at_once_are_what_each_is_alone(client: Client) -> None:
    together = await asyncio.gather(*(client.ask(prompt, max_tokens=40, **GREEDY) for prompt in PROMPTS))
    alone = [await client.ask(prompt, max_tokens=40, **GREEDY) for prompt in PROMPTS]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert {tuple(answer.tokens) for answer in together} == {(40,)}


async def test_several_tokens_ride_in_one_response_under_load(client: Client) -> None:
    answers = await asyncio.gather(*(client.ask(prompt, max_tokens=200, **GREEDY) for prompt in PROMPTS))
    assert all(answer.tokens == [200] for answer in answers)
    assert any(answer.responses < 200 for answer in answers)


async def test_bad_requests_do_not_hurt_their_neighbours(client: Client) -> None:
    good = [client.ask(prompt, max_tokens=30, **GREEDY) for prompt in PROMPTS[:8]]
    bad = [
        client.ask(PROMPT, temperature=-1),
        client.ask("hello" * 2 * CONTEXT),
        client.ask(PROMPT, lora_name="mine"),
        client.ask(PROMPT, tensors={"sampling_parameters": "["}),
    ]
    answers = await asyncio.gather(*good, *bad, *good_again(client), return_exceptions=True)
    assert [isinstance(answer, RequestFailed) for answer in answers] == [False] * 8 + [True] * 4 + [False] * 8
    assert [answer.text for answer in answers[:8]] == [answer.text for answer in answers[12:]]


def good_again(client: Client) -> list:
    return [client.ask(prompt, max_tokens=30, **GREEDY) for prompt in PROMPTS[:8]]


async def test_a_cancelled_stream_frees_its_sequence(
    client: Client, triton: TritonProcess, add_entry: Callable[..., Path]
) -> None:
    add_entry("endless", CONTEXT_LENGTH="1000000")  # no answer comes to its end before it is cancelled
    await client.load("endless")
    streams = [client.stream(prompt, "endless", max_tokens=None, n=2, **GREEDY) for prompt in PROMPTS[:4]]
    for stream in streams:
        await anext(stream)
    await client.metric_becomes(8, "modelyard_sequences_running", "endless")
    for stream in streams:
        await stream.aclose()
    await client.metric_becomes(4, "modelyard_requests_total", "endless", outcome="cancelled")
    await client.metric_becomes(0, "modelyard_sequences_running", "endless")
    await client.unload("endless")
    await only(1, triton)


async def test_a_cancelled_request_that_does_not_stream_frees_its_sequence(
    client: Client, triton: TritonProcess
) -> None:
    before = await client.metric("modelyard_requests_total", outcome="cancelled")
    prompts = await client.metric("modelyard_prompt_tokens_total")
    (engine,) = engines_of(triton)
    engine.suspend()  # as in a step that takes long: what comes meanwhile is seen all the same
    asking = asyncio.ensure_future(client.ask(PROMPT, tensors={"stream": False}, max_tokens=None, **GREEDY))
    await client.metric_becomes(prompts + 3, "modelyard_prompt_tokens_total")
    asking.cancel()
    await client.metric_becomes(before + 1, "modelyard_requests_total", outcome="cancelled")
    engine.resume()
    await client.metric_becomes(0, "modelyard_sequences_running")


async def test_metrics_of_an_answer(client: Client) -> None:
    names = ("prompt_tokens_total", "generated_tokens_total", "request_seconds_count", "queue_seconds_count")
    names += ("time_to_first_token_seconds_count", "time_per_output_token_seconds_count")
    before = {name: await client.metric(f"modelyard_{name}") for name in names}
    success = await client.metric("modelyard_requests_total", outcome="success")
    answer = await client.ask(PROMPT, max_tokens=7, n=2, **GREEDY)
    await client.metric_becomes(success + 1, "modelyard_requests_total", outcome="success")
    after = {name: await client.metric(f"modelyard_{name}") for name in names}
    assert {name: after[name] - before[name] for name in names} == {
        "prompt_tokens_total": answer.prompt_tokens,
        "generated_tokens_total": 14,
        **dict.fromkeys(names[2:], 1),
    }


async def test_load_unload_and_load_again(
    client: Client, triton: TritonProcess, add_entry: Callable[..., Path]
) -> None:
    add_entry("guest")
    running = len(engines_of(triton))
    answers = []
    for _ in range(2):
        await client.load("guest")
        answers.append((await client.ask(PROMPT, "guest", max_tokens=3, **GREEDY)).tokens)
        await client.unload("guest")
        await only(running, triton)
    assert answers == [[3], [3]]


@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "HETERO:CPU"])
async def test_a_device_that_openvino_chooses_gives_the_same_answer(
    client: Client, add_entry: Callable[..., Path], device: str
) -> None:
    name = device.replace(":", "-").lower()
    add_entry(name, DEVICE=device)
    await client.load(name)
    chosen = await client.ask(PROMPT, name, max_tokens=8, **GREEDY)
    assert chosen.text == (await client.ask(PROMPT, max_tokens=8, **GREEDY)).text
    await client.unload(name)


async def test_a_model_that_had_cancelled_requests_can_be_unloaded(
    client: Client, triton: TritonProcess, add_entry: Callable[..., Path]
) -> None:
    add_entry("left", CONTEXT_LENGTH="1000000")
    running = len(engines_of(triton))
    await client.load("left")
    for prompt in PROMPTS[:8]:
        stream = client.stream(prompt, "left", max_tokens=None, **GREEDY)
        await anext(stream)
        await stream.aclose()
    await client.unload("left")
    await only(running, triton)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"MAX_NUM_SEQS": "none"}, "MAX_NUM_SEQS of config.pbtxt is 'none', but it must be a whole number"),
        ({"ENABLE_PREFIX_CACHING": "maybe"}, "ENABLE_PREFIX_CACHING of config.pbtxt is 'maybe'"),
        ({"DEVICE": "TOASTER"}, "DEVICE=TOASTER"),
        ({"PLUGIN_CONFIG": '{\\"NO_SUCH_THING\\": 1}'}, "NO_SUCH_THING"),
    ],
)
async def test_a_bad_parameter_fails_the_load_with_a_sentence(
    client: Client, add_entry: Callable[..., Path], parameters: dict[str, str], said: str
) -> None:
    name = f"bad-{next(iter(parameters)).lower()}"
    add_entry(name, **parameters)
    error = await failure(client.load(name))
    assert said in error
    assert "Traceback" not in error


async def test_a_broken_model_fails_the_load(client: Client, add_entry: Callable[..., Path]) -> None:
    folder = add_entry("broken")
    (folder / "1" / "openvino_model.bin").write_bytes(b"")
    assert "cannot load the model" in await failure(client.load("broken"))


async def load_and_find(client: Client, triton: TritonProcess, name: str) -> psutil.Process:
    """Load a model; its engine process."""
    before = {engine.pid for engine in engines_of(triton)}
    await client.load(name)
    (engine,) = (each for each in engines_of(triton) if each.pid not in before)
    return engine


async def test_more_than_may_wait_are_refused(
    client: Client, triton: TritonProcess, add_entry: Callable[..., Path]
) -> None:
    add_entry("narrow", MAX_NUM_SEQS="1", MAX_QUEUE_SIZE="2")
    engine = await load_and_find(client, triton, "narrow")
    engine.suspend()  # so that none of them is answered before all have arrived
    asking = [asyncio.ensure_future(client.ask(PROMPT, "narrow", max_tokens=2, **GREEDY)) for _ in range(3)]
    await client.metric_becomes(3 * 3, "modelyard_prompt_tokens_total", "narrow")
    assert "2 requests are waiting" in await failure(client.ask(PROMPT, "narrow"))
    engine.resume()
    assert [answer.tokens for answer in await asyncio.gather(*asking)] == [[2], [2], [2]]
    await client.unload("narrow")


async def test_an_engine_that_dies_fails_its_requests_and_comes_back(
    client: Client, triton: TritonProcess, add_entry: Callable[..., Path]
) -> None:
    add_entry("mortal")
    engine = await load_and_find(client, triton, "mortal")
    engine.suspend()  # so that the answer cannot be complete before the end of its engine
    asking = [asyncio.ensure_future(client.ask(PROMPT, "mortal", tensors=kind)) for kind in ({}, {"stream": False})]
    await client.metric_becomes(2 * 3, "modelyard_prompt_tokens_total", "mortal")
    engine.kill()
    for error in await asyncio.gather(*(failure(each) for each in asking)):
        assert "code -9" in error
    assert (await client.ask(PROMPT, max_tokens=20, **GREEDY)).tokens == [20]
    while not isinstance(answer := await answer_or_error(client, "mortal"), Answer):
        assert "being restarted" in answer
        await asyncio.sleep(0.05)
    assert answer.tokens == [4]
    await client.unload("mortal")


async def answer_or_error(client: Client, model: str) -> Answer | str:
    try:
        return await client.ask(PROMPT, model, max_tokens=4, **GREEDY)
    except RequestFailed as error:
        return str(error)


async def test_no_model_prints_a_traceback(log: list) -> None:
    assert not [line.text for line in log if "Traceback" in line.text or "leaked" in line.text]
