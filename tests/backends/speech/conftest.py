"""Tiny speech models in a real Triton of their own, made once by the real converter."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from modelyard.engine.distribution import find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.settings import Settings
from tests.made_once import made_once

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_INGREDIENTS = (_ROOT / "tests/converters/speech_checkpoints.py",)


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest) -> Path:
    """What tiny_speech.py writes."""
    return made_once(request.config, _HERE / "tiny_speech.py", _INGREDIENTS)


@pytest.fixture(scope="session")
def expected(made: Path) -> dict[str, Any]:
    """What transformers makes of the same."""
    read: dict[str, Any] = json.loads((made / "expected.json").read_text())
    return read


@pytest.fixture(scope="session")
def speech_log() -> list[LogLine]:
    """What Triton has said so far."""
    return []


@pytest.fixture(scope="session")
def speech_repository(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the entries, which tests may add to."""
    return Path(shutil.copytree(made / "repository", tmp_path_factory.mktemp("speech") / "repository"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speech_triton(speech_repository: Path, speech_log: list[LogLine]) -> AsyncIterator[TritonProcess]:
    process = await TritonProcess.launch(
        find_distribution(Settings().engine_python), repository=speech_repository, log=speech_log.append
    )
    yield process
    assert process.returncode is None, (process.returncode, [line.text for line in speech_log[-12:]])
    await process.stop()


class SpeechClient:
    """Unary requests to one Triton."""

    def __init__(self, address: str) -> None:
        # A minute of audio is 3.8 MB.
        options = [("grpc.max_send_message_length", 2**28), ("grpc.max_receive_message_length", 2**28)]
        self._channel = grpc.aio.insecure_channel(address, options=options)
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def close(self) -> None:
        await self._channel.close()

    async def load(self, model: str) -> None:
        await self.stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name=model))

    async def unload(self, model: str) -> None:
        await self.stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name=model))

    async def config(self, model: str) -> Any:
        return (await self.stub.ModelConfig(pb.ModelConfigRequest(name=model))).config

    async def hear(self, audio: Any, model: str = "whisper", **parameters: Any) -> dict[str, Any]:
        """The outputs of a transcript, the segments read."""
        outputs = _texts(await self.stub.ModelInfer(transcript_of(audio, model, **parameters)))
        return {**outputs, "segments": json.loads(outputs["segments"])}

    async def speak(self, text: str, model: str = "speaker", **parameters: Any) -> tuple[Any, int]:
        """The samples and their rate."""
        response = await self.stub.ModelInfer(speech_of(text, model, **parameters))
        samples, rate = response.raw_output_contents
        return np.frombuffer(samples, np.float32), struct.unpack("<I", rate)[0]


def engines_below(process: int) -> list[int]:
    """The processes below one, at any depth, that hold a Whisper and live."""
    parents = {int(entry.name): _status(int(entry.name))[1] for entry in Path("/proc").glob("[0-9]*")}
    found, level = [], [process]
    while level := [child for child, parent in parents.items() if int(parent) in level]:
        found += level
    return [each for each in found if lives(each) and b"openvino_whisper.pipeline" in _command_line(each)]


def lives(process: int) -> bool:
    """Whether a process is there and has not ended, with all its threads."""
    threads = list(Path("/proc").glob(f"{process}/task/*"))
    return _status(process)[0] not in "ZX" or len(threads) > 1


def parent_of(process: int) -> int:
    return int(_status(process)[1])


def _status(process: int) -> tuple[str, str]:
    """Its state and its parent, as the kernel tells them."""
    try:
        # The name, in parentheses, may hold anything; the state and the parent follow its end.
        state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "X", "0"
    return state, parent


def _command_line(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def transcript_of(audio: Any, model: str = "whisper", **parameters: Any) -> Any:
    samples = np.asarray(audio, dtype=np.float32)
    request = pb.ModelInferRequest(model_name=model)
    request.inputs.add(name="audio", datatype="FP32", shape=[len(samples)])
    request.raw_input_contents.append(samples.tobytes())
    return _with_parameters(request, parameters)


def speech_of(text: str, model: str = "speaker", **parameters: Any) -> Any:
    request = pb.ModelInferRequest(model_name=model)
    request.inputs.add(name="text_input", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(_packed(text))
    return _with_parameters(request, parameters)


def _with_parameters(request: Any, parameters: dict[str, Any]) -> Any:
    if parameters:
        request.inputs.add(name="parameters", datatype="BYTES", shape=[1])
        request.raw_input_contents.append(_packed(json.dumps(parameters)))
    return request


def _packed(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<I", len(content)) + content


def _texts(response: Any) -> dict[str, str]:
    contents = zip(response.outputs, response.raw_output_contents, strict=True)
    return {output.name: raw[4:].decode() for output, raw in contents}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def speech(speech_triton: TritonProcess) -> AsyncIterator[SpeechClient]:
    """A client of a Triton in which all speech models are loaded."""
    client = SpeechClient(speech_triton.grpc_address)
    for model in ("whisper", "whisper-en", "speaker"):
        await client.load(model)
    yield client
    await client.close()
