"""Every kind of file, many requests at once, requests that end early, models that come and go, engines that break."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from pathlib import Path

import grpc.aio
import pytest

from modelyard.engine.process import TritonProcess
from tests.backends.engines import engines_of
from tests.backends.llamacpp.conftest import AddEntry
from tests.backends.triton_client import Client, RequestFailed

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "hello world"
GREEDY = {"temperature": 0, "ignore_eos": True}
PROMPTS = [f"{word} {number}" for number in range(4) for word in ("hello", "a lazy dog", "the fox", "世界")]


async def failure(awaited: Awaitable[object]) -> str:
    with pytest.raises((RequestFailed, grpc.aio.AioRpcError)) as failed:
        await awaited
    return failed.value.details() if isinstance(failed.value, grpc.aio.AioRpcError) else str(failed.value)


async def only(engines: int, triton: TritonProcess) -> None:
    """Wait until there are no more engines than these; the test's own time limit ends a wait in vain."""
    while len(engines_of(triton)) > engines:  # noqa: ASYNC110 - processes tell nobody
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("quantization", "architecture"),
    [
        *((kind, "llama") for kind in ("F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")),
        *((kind, "llama") for kind in ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K")),
        ("Q8_0", "qwen2"),
    ],
)
async def test_every_kind_of_file(client: Client, add_entry: AddEntry, quantization: str, architecture: str) -> None:
    name = f"{architecture}-{quantization}"
    add_entry(name, quantization, architecture, CONTEXT_LENGTH="256", N_PARALLEL="1")
    await client.load(name)
    streamed = await client.ask(PROMPT, name, max_tokens=40, **GREEDY)
    whole = await client.ask(PROMPT, name, max_tokens=40, tensors={"stream": False}, **GREEDY)
    assert whole.text == PROMPT + streamed.text
    assert streamed.tokens == whole.tokens == [40]
    assert streamed.text.strip()
    await client.unload(name)


async def test_many_streams_at_once_are_what_each_is_alone(client: Client) -> None:
    together = await asyncio.gather(*(client.ask(prompt, max_tokens=30, **GREEDY) for prompt in PROMPTS))
    alone = [await client.ask(prompt, max_tokens=30, **GREEDY) for prompt in PROMPTS]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert {tuple(answer.tokens) for answer in together} == {(30,)}


async def test_streams_are_computed_together(client: Client, add_entry: AddEntry) -> None:
    add_entry("endless", CONTEXT_LENGTH="100000", N_PARALLEL="2")
    await client.load("endless")
    streams = [client.stream(prompt, "endless", max_tokens=None, **GREEDY) for prompt in PROMPTS[:3]]
    first = [await anext(stream) for stream in streams[:2]]
    assert all(response.text_output[0] for response in first)
    third = asyncio.ensure_future(anext(streams[2]))
    await client.metric_becomes(2, "modelyard_sequences_running", "endless")
    await client.metric_becomes(1, "modelyard_sequences_waiting", "endless")
    await streams[0].aclose()  # and its slot goes to the one that waits
    assert (await third).text_output[0]
    for stream in streams:
        await stream.aclose()
    await client.metric_becomes(3, "modelyard_requests_total", "endless", outcome="cancelled")
    await client.metric_becomes(0, "modelyard_sequences_running", "endless")
    assert (await client.ask(PROMPT, "endless", max_tokens=4, **GREEDY)).tokens == [4]
    await client.unload("endless")


async def test_a_cancelled_request_that_waits_is_forgotten(client: Client, add_entry: AddEntry) -> None:
    add_entry("single", CONTEXT_LENGTH="100000", N_PARALLEL="1", MAX_QUEUE_SIZE="1")
    await client.load("single")
    stream = client.stream(PROMPT, "single", max_tokens=None, **GREEDY)
    await anext(stream)
    waiting = asyncio.ensure_future(client.ask(PROMPT, "single", tensors={"stream": False}))
    await client.metric_becomes(1, "modelyard_sequences_waiting", "single")
    assert "1 requests are waiting" in await failure(client.ask(PROMPT, "single"))
    waiting.cancel()
    await client.metric_becomes(0, "modelyard_sequences_waiting", "single")
    assert await client.metric("modelyard_sequences_running", "single") == 1
    await stream.aclose()
    await client.unload("single")


async def test_bad_requests_do_not_hurt_their_neighbours(client: Client) -> None:
    good = [client.ask(prompt, max_tokens=30, **GREEDY) for prompt in PROMPTS[:4]]
    bad = [
        client.ask(PROMPT, temperature=-1),
        client.ask("hello" * 2000),
        client.ask(PROMPT, lora_name="mine"),
        client.ask(PROMPT, structured_outputs={"grammar": "root ::= ((("}),
        client.ask(PROMPT, tensors={"sampling_parameters": "["}),
    ]
    answers = await asyncio.gather(*good, *bad, return_exceptions=True)
    assert [isinstance(answer, RequestFailed) for answer in answers] == [False] * 4 + [True] * 5


async def test_metrics_of_an_answer(client: Client, add_entry: AddEntry) -> None:
    add_entry("measured", CONTEXT_LENGTH="256")
    await client.load("measured")
    answer = await client.ask(PROMPT, "measured", max_tokens=7, n=2, **GREEDY)
    await client.metric_becomes(1, "modelyard_requests_total", "measured", outcome="success")
    expected = {"prompt_tokens_total": answer.prompt_tokens, "generated_tokens_total": 14}
    expected |= {"request_seconds_count": 1, "queue_seconds_count": 1, "time_to_first_token_seconds_count": 1}
    expected |= {"time_per_output_token_seconds_count": 1, "sequences_running": 0, "sequences_waiting": 0}
    for name, figure in expected.items():
        await client.metric_becomes(figure, f"modelyard_{name}", "measured")
    await client.unload("measured")


async def test_unload_with_requests_in_flight(client: Client, triton: TritonProcess, add_entry: AddEntry) -> None:
    add_entry("guest", CONTEXT_LENGTH="100000", N_PARALLEL="1")
    running = len(engines_of(triton))
    for _ in range(2):
        await client.load("guest")
        streams = [client.stream(prompt, "guest", max_tokens=None, **GREEDY) for prompt in PROMPTS[:3]]
        await anext(streams[0])
        asking = [asyncio.ensure_future(failure(rest(stream))) for stream in streams]
        await client.metric_becomes(2, "modelyard_sequences_waiting", "guest")
        for each in asking:
            each.cancel()
        await client.unload("guest")
        await only(running, triton)


async def rest(stream: object) -> None:
    async for _ in stream:
        pass


async def test_a_model_in_parts(client: Client, add_entry: AddEntry) -> None:
    folder = add_entry("parted", CONTEXT_LENGTH="256") / "1"
    (folder / "model.gguf").rename(folder / "model-00001-of-00002.gguf")
    assert "a part of the model is missing" in await failure(client.load("parted"))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"N_PARALLEL": "none"}, "N_PARALLEL of config.pbtxt is 'none', but it must be a whole number"),
        ({"N_GPU_LAYERS": "-2"}, "N_GPU_LAYERS of config.pbtxt is '-2', but it must be all, or a whole number"),
        ({"CACHE_TYPE_K": "q9"}, "CACHE_TYPE_K of config.pbtxt is 'q9'"),
        ({"CACHE_TYPE_V": "q8_0", "FLASH_ATTENTION": "off"}, "CACHE_TYPE_V of config.pbtxt is 'q8_0', which needs"),
    ],
)
async def test_a_bad_parameter_fails_the_load_with_a_sentence(
    client: Client, add_entry: AddEntry, parameters: dict[str, str], said: str
) -> None:
    name = f"bad-{'-'.join(parameters).lower()}"
    add_entry(name, **parameters)
    error = await failure(client.load(name))
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize("parameters", [{"CACHE_TYPE_K": "q8_0", "CACHE_TYPE_V": "q8_0"}, {"MMAP": "false"}])
async def test_settings_that_reach_the_engine(client: Client, add_entry: AddEntry, parameters: dict[str, str]) -> None:
    name = f"with-{next(iter(parameters)).lower()}"
    # Quantized caches keep 32 figures together, which is two of the tiny model's heads.
    add_entry(name, "Q4_K_M", CONTEXT_LENGTH="256", FLASH_ATTENTION="on", N_BATCH="32", **parameters)
    await client.load(name)
    assert (await client.ask(PROMPT, name, max_tokens=5, **GREEDY)).tokens == [5]
    await client.unload(name)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("cut", lambda whole: whole[:60_000], "is not within the file bounds"),
        ("empty", lambda whole: b"", "failed to read magic"),
        ("foreign", lambda whole: whole.replace(b"llama", b"lxama"), "unknown model architecture: 'lxama'"),
        ("counted", lambda whole: whole[:8] + b"\xff" * 8 + whole[16:], "number of tensors"),
    ],
)
async def test_a_damaged_file_fails_the_load_with_a_sentence(
    client: Client, add_entry: AddEntry, triton: TritonProcess, name: str, damage, said: str
) -> None:
    running = len(engines_of(triton))
    file = add_entry(name) / "1" / "model.gguf"
    file.write_bytes(damage(file.read_bytes()))
    error = await failure(client.load(name))
    assert "llama.cpp cannot load" in error
    assert said in error
    await only(running, triton)
    assert (await client.ask(PROMPT, **GREEDY)).tokens == [16]


async def test_an_engine_that_dies_fails_its_requests_and_comes_back(
    client: Client, triton: TritonProcess, add_entry: AddEntry
) -> None:
    add_entry("mortal", CONTEXT_LENGTH="100000", N_PARALLEL="1")
    before = engines_of(triton)
    await client.load("mortal")
    (engine,) = engines_of(triton) - before
    streams = [client.stream(prompt, "mortal", max_tokens=None, **GREEDY) for prompt in PROMPTS[:2]]
    await anext(streams[0])
    asking = [asyncio.ensure_future(failure(rest(stream))) for stream in streams]
    await client.metric_becomes(1, "modelyard_sequences_waiting", "mortal")
    engine.kill()
    for error in await asyncio.gather(*asking):
        assert error.startswith("[UNAVAILABLE] ")
    while isinstance(answer := await answer_or_error(client, "mortal"), str):
        assert answer.startswith("[UNAVAILABLE] ")
        await asyncio.sleep(0.05)
    assert answer == [4]
    await client.unload("mortal")


async def answer_or_error(client: Client, model: str) -> list[int] | str:
    try:
        return (await client.ask(PROMPT, model, max_tokens=4, **GREEDY)).tokens
    except RequestFailed as error:
        return str(error)


async def test_the_engine_listens_for_this_user_only(client: Client, triton: TritonProcess) -> None:
    assert (await client.ask(PROMPT, **GREEDY)).tokens == [16]
    sockets = [
        Path(each.laddr) for engine in engines_of(triton) for each in engine.net_connections("unix") if each.laddr
    ]
    served = [path for path in sockets if path.name == "llama.sock"]
    assert served
    assert all(path.parent.stat().st_mode & 0o077 == 0 for path in served)
    assert not [each for engine in engines_of(triton) for each in engine.net_connections("inet")]


async def test_an_unloaded_model_leaves_no_folder(client: Client, triton: TritonProcess, add_entry: AddEntry) -> None:
    before = sockets(triton)
    add_entry("tidy", CONTEXT_LENGTH="256")
    await client.load("tidy")
    (made,) = sockets(triton) - before
    running = len(engines_of(triton))
    await client.unload("tidy")
    await only(running - 1, triton)
    while made.parent.exists():  # noqa: ASYNC110 - the last act of the model's process
        await asyncio.sleep(0.02)


def sockets(triton: TritonProcess) -> set[Path]:
    """Those of this Triton's engines; other tests have their own in the same place."""
    held = [each.laddr for engine in engines_of(triton) for each in engine.net_connections("unix")]
    return {Path(path) for path in held if path.endswith("/llama.sock")}


async def test_no_model_prints_a_traceback_or_a_log_of_its_requests(client: Client, log: list) -> None:
    await client.ask(PROMPT, **GREEDY)
    assert not [line.text for line in log if "Traceback" in line.text or "leaked" in line.text]
    # llama.cpp's own lines begin with a time and a level; errors only are told, of what was refused and of loads.
    assert not [line.text for line in log if re.match(r"[\d.]+ [IWTD] ", line.text)]
