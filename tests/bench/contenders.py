"""Three ways to the same tokens: through the gateway, over bare KServe gRPC, and openvino_genai called in-process.

Each answers `run(streams)` with one `Sample` per stream; what is made of them is somebody else's matter.
"""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Sample:
    """One stream: seconds from the start to the first text and to the end, and the tokens that came."""

    first_s: float
    total_s: float
    tokens: int


class Contender(Protocol):
    name: str

    async def run(self, streams: int) -> list[Sample]: ...


@dataclass(frozen=True)
class Work:
    """The same for every contender: a chat message, that message as the model's prompt, and tokens per stream."""

    message: str
    prompt: str
    max_tokens: int

    def message_of(self, stream: int) -> str:
        return f"{self.message} ({stream})"  # streams differ, so that no contender lives off one cached prefix alone

    def prompt_of(self, stream: int) -> str:
        return self.prompt.replace(self.message, self.message_of(stream))


class Gateway:
    """`POST /v1/chat/completions`, streamed; read line by line so that the client costs as little as it can."""

    name = "gateway"

    def __init__(self, port: int, model: str, work: Work) -> None:
        self._port, self._model, self._work = port, model, work

    async def run(self, streams: int) -> list[Sample]:
        return list(await asyncio.gather(*(self._stream(number) for number in range(streams))))

    async def _stream(self, number: int) -> Sample:
        body = json.dumps(
            {
                "model": self._model,
                "messages": [{"role": "user", "content": self._work.message_of(number)}],
                "max_tokens": self._work.max_tokens,
                "temperature": 0,
                "ignore_eos": True,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        ).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        started = time.perf_counter()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        first_s, last_event = 0.0, b""
        while line := await reader.readline():
            if line.startswith(b"data: {"):
                if not first_s and b'"content":"' in line and b'"content":""' not in line:
                    first_s = time.perf_counter() - started
                last_event = line
        total_s = time.perf_counter() - started
        writer.close()
        return Sample(first_s, total_s, json.loads(last_event[6:])["usage"]["completion_tokens"])


class BareGrpc:
    """A plain grpc.aio client of the same Triton, with the tensors of the same contract."""

    name = "bare gRPC"

    def __init__(self, port: int, model: str, work: Work) -> None:
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._model, self._work = model, work

    async def run(self, streams: int) -> list[Sample]:
        return list(await asyncio.gather(*(self._stream(number) for number in range(streams))))

    async def close(self) -> None:
        await self._channel.close()

    async def _stream(self, number: int) -> Sample:
        sampling = json.dumps({"max_tokens": self._work.max_tokens, "temperature": 0, "ignore_eos": True}).encode()
        request = service_pb2.ModelInferRequest(model_name=self._model)
        request.parameters["triton_enable_empty_final_response"].bool_param = True
        for name, kind, raw in (
            ("text_input", "BYTES", _bytes(self._work.prompt_of(number).encode())),
            ("stream", "BOOL", b"\1"),
            ("sampling_parameters", "BYTES", _bytes(sampling)),
            ("exclude_input_in_output", "BOOL", b"\1"),
            ("return_num_output_tokens", "BOOL", b"\1"),
        ):
            request.inputs.add(name=name, datatype=kind, shape=[1])
            request.raw_input_contents.append(raw)
        started = time.perf_counter()
        first_s, tokens = 0.0, 0
        call = self._stub.ModelStreamInfer(_once(request))
        async for response in call:
            if response.error_message:
                raise RuntimeError(response.error_message)
            answer = response.infer_response
            outputs = {output.name: raw for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)}
            if outputs:
                if not first_s and len(outputs["text_output"]) > 4:
                    first_s = time.perf_counter() - started
                tokens += struct.unpack("<I", outputs["num_output_tokens"])[0]
            if answer.parameters["triton_final_response"].bool_param:
                break
        return Sample(first_s, time.perf_counter() - started, tokens)


class InProcess:
    """openvino_genai's continuous batching with no server around it, in a process of the engine's interpreter."""

    name = "engine alone"

    def __init__(self, engine_python: Path, version_folder: Path, work: Work) -> None:
        self._work = work
        self._process = subprocess.Popen(
            [engine_python, ROOT / "tests/bench/inprocess.py", version_folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def run(self, streams: int) -> list[Sample]:
        wish = {"prompts": [self._work.prompt_of(n) for n in range(streams)], "max_tokens": self._work.max_tokens}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(wish), file=self._process.stdin, flush=True)
        answer = await asyncio.to_thread(self._process.stdout.readline)
        return [Sample(*sample) for sample in json.loads(answer)]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def _bytes(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


async def _once(request: service_pb2.ModelInferRequest):  # type: ignore[no-untyped-def]
    yield request


def tokens_per_second(samples: Sequence[Sample]) -> float:
    """All tokens over the time until the last stream ended."""
    return sum(sample.tokens for sample in samples) / max(sample.total_s for sample in samples)
