"""Whether the process behind a model lives, asked of models that do not generate text: a real Triton."""

from __future__ import annotations

import asyncio
import shutil
import struct
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest
from tritonclient.grpc import service_pb2

from gateway.engine.client import TritonClient
from gateway.engine.probes import free_question, unreadable
from gateway.engine.replicas import Replicas
from modelyard.errors import InvalidInput
from tests.gateway.running import ROOT, Triton


@pytest.fixture(scope="module")
def bedroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    repository = tmp_path_factory.mktemp("probes") / "repository"
    shutil.copytree(ROOT / "tests/models/sleeper", repository / "sleeper")
    running = Triton(repository, repository.parent / "triton.log")
    yield running
    running.close()


@pytest.fixture
async def replicas(bedroom: Triton) -> AsyncIterator[Replicas]:
    made = Replicas(lambda: [bedroom.url], load_timeout_s=60, timeout_s=60)
    await made.start()
    await made.load("sleeper")
    yield made
    await made.close()


def _rpc(text: bytes) -> service_pb2.ModelInferRequest:
    rpc = service_pb2.ModelInferRequest(model_name="sleeper")
    rpc.inputs.add(name="text_input", datatype="BYTES", shape=(1,))
    rpc.raw_input_contents.append(struct.pack("<I", len(text)) + text)
    return rpc


def _kill_stubs(triton: Triton) -> None:
    stubs = [each for each in psutil.Process(triton.process.pid).children(recursive=True) if "stub" in each.name()]
    assert stubs
    for stub in stubs:
        stub.kill()


async def _slept(replicas: Replicas, text: bytes) -> float:
    (raw,) = (await replicas.infer("sleeper", _rpc(text))).raw_output_contents
    return float(struct.unpack("<f", raw)[0])


async def test_a_probe_is_refused_by_a_living_backend_and_tells_a_dead_one(bedroom: Triton, replicas: Replicas) -> None:
    client: TritonClient = replicas._replicas[0].client
    probe = unreadable(_rpc(b"0"))
    with pytest.raises(InvalidInput, match="no number"):
        await client.infer("sleeper", probe, timeout_s=10)
    assert await client.is_backend_alive(probe, decoupled=False)
    _kill_stubs(bedroom)
    assert not await client.is_backend_alive(probe, decoupled=False)
    assert await _slept(replicas, b"0") == 0.0  # mended


async def test_one_that_is_busy_is_not_taken_for_dead(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.engine.watch._SILENCE_S", 0.1)
    assert await _slept(replicas, b"1.5") == 1.5


async def test_a_request_whose_backend_dies_is_asked_anew(
    bedroom: Triton, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.watch._SILENCE_S", 0.3)
    asking = asyncio.create_task(_slept(replicas, b"1"))
    await asyncio.sleep(0.3)
    _kill_stubs(bedroom)
    assert await asking == 1.0


def test_a_probe_has_the_same_tensors_with_one_element_each() -> None:
    rpc = service_pb2.ModelInferRequest(model_name="m", model_version="1")
    rpc.inputs.add(name="audio", datatype="FP32", shape=(16000,))
    rpc.inputs.add(name="pixels", datatype="UINT8", shape=(2, 8, 8))
    rpc.inputs.add(name="words", datatype="BYTES", shape=(3,))
    rpc.parameters["triton_enable_empty_final_response"].bool_param = True
    probe = unreadable(rpc)
    assert [(each.name, each.datatype, list(each.shape)) for each in probe.inputs] == [
        ("audio", "FP32", [1]),
        ("pixels", "UINT8", [1, 1, 1]),
        ("words", "BYTES", [1]),
    ]
    assert list(probe.raw_input_contents) == [bytes(4), bytes(1), b"\x01\x00\x00\x00\xff"]
    assert probe.parameters == rpc.parameters
    assert (probe.model_name, probe.model_version) == ("m", "1")


def test_the_probe_of_text_asks_for_no_tokens() -> None:
    probe = free_question(service_pb2.ModelInferRequest(model_name="m"))
    assert probe.model_name == "m"
    assert b'"max_tokens":0' in b"".join(probe.raw_input_contents).replace(b" ", b"")
