"""The process that holds the model: OpenVINO GenAI's continuous batching, driven by messages on a socket.

A process of its own because `ContinuousBatchingPipeline.step` holds Python's lock: beside it nothing could be received
or sent for the length of a step. Single-threaded, so nothing here needs a lock. Knows token ids; does not know text,
Triton or requests.

Messages in:   ("load", folder, settings, process id of Triton), then
               ("add", key, ids, attributes), ("stop", key), ("quit",)
Messages out:  ("ready",) or ("failed", sentence), then ("step", outputs, started, state), ("refused", key, sentence)
               and, before the end of a sequence that sees, ("counted", key, tokens of its prompt),
               where outputs is [(key, ids, logprobs, finish)], started the keys whose computing has begun, and state
               (running, waiting, cache use from 0 to 1)
"""

from __future__ import annotations

import collections
import os
import select
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openvino as ov

import openvino_genai as genai

from ..common.language.orphan import end_without
from .adapters import Adapters, is_due
from .grammar_check import GrammarCheck
from .settings import BackendSettings
from .vision import Picture, sees

# The prompt of the warm-up: any id that every vocabulary has.
_WARM_UP_IDS = (0, 1, 2, 3)
_NO_LIMIT = 2**64 - 1  # what the library has for max_new_tokens where nobody set it
_WARM_UP_SIDE = 64  # pixels of its image, for a model that sees


def main(descriptor: int) -> None:
    """Load the model, say so, and serve until the other side says quit or is gone."""
    connection = Connection(descriptor)
    try:
        _, folder, settings, triton = connection.recv()
        end_without(triton, stub=os.getppid())
        try:
            engine = _Engine(Path(folder), BackendSettings(**settings))
        except Exception as error:
            connection.send(("failed", _sentence(error)))
            return
        connection.send(("ready",))
        engine.serve(connection)
    except (EOFError, ConnectionError):
        return  # the backend is gone; nobody is left to answer


class _Waiting(NamedTuple):
    """A sequence that has not begun."""

    ids: bytes
    attributes: dict[str, Any]
    adapter: str | None
    arrived: float


class _Engine:
    def __init__(self, folder: Path, settings: BackendSettings) -> None:
        self._adapters = Adapters(folder, settings.adapters)
        self._pipeline = _load(folder, settings, self._adapters)
        # The checkpoint may name several tokens that end an answer; a request's own ones come on top of them.
        defaults = self._pipeline.get_config()
        self._end_tokens: set[int] = set(defaults.stop_token_ids)
        if defaults.eos_token_id >= 0:
            self._end_tokens.add(defaults.eos_token_id)
        self._grammars = GrammarCheck(folder, self._end_tokens)
        self._most = settings.max_num_seqs
        self._context = settings.context_length
        self._sees = sees(folder)
        self._left: dict[int, int] = {}  # tokens that a sequence which sees may still make
        self._stopped: dict[int, Any] = {}  # those that have made them all, until the next step
        self._waiting: collections.OrderedDict[int, _Waiting] = collections.OrderedDict()
        self._running: dict[int, Any] = {}  # handles must be kept: dropping one stops its request
        self._started: list[int] = []
        self._warm_up()

    def serve(self, connection: Connection) -> None:
        incoming = select.poll()
        incoming.register(connection.fileno(), select.POLLIN | select.POLLHUP)
        while True:
            idle = not (self._running or self._waiting or self._pipeline.has_non_finished_requests())
            while incoming.poll(None if idle else 0):
                message = connection.recv()
                if message[0] == "quit":
                    return
                self._handle(message)
                idle = False
            self._admit(connection)
            if not self._pipeline.has_non_finished_requests():
                continue
            try:
                self._pipeline.step()
            except Exception as error:
                # What the pipeline's state is now, nobody knows: the other side starts a new process.
                connection.send(("failed", _sentence(error)))
                return
            outputs = self._outputs(connection)
            started, self._started = self._started, []
            # What stays in the cache for later prompts makes room when it is needed, so it does not count as in use.
            cache_use = self._pipeline.get_metrics().cache_usage / 100 if self._running else 0.0
            state = (len(self._running), len(self._waiting), cache_use)
            connection.send(("step", outputs, started, state))

    def _handle(self, message: tuple[Any, ...]) -> None:
        if message[0] == "add":
            _, key, ids, attributes = message
            self._waiting[key] = _Waiting(ids, attributes, attributes.pop("lora_name", None), time.monotonic())
        elif self._waiting.pop(message[1], None) is None and (handle := self._running.pop(message[1], None)):
            self._left.pop(message[1], None)
            handle.stop()  # freed at the end of the next step

    def _admit(self, connection: Connection) -> None:
        for key in self._next():
            waiting = self._waiting.pop(key)
            try:
                self._add(key, np.frombuffer(waiting.ids, np.int64), waiting.attributes)
            except Exception as error:
                connection.send(("refused", key, _sentence(error)))
            else:
                self._started.append(key)

    def _next(self) -> list[int]:
        """Who is let in now, in order of arrival, as far as there is room and their adapter has its turn."""
        if not self._waiting:
            return []
        if not self._pipeline.has_non_finished_requests():
            self._adapters.choose(self._pipeline, next(iter(self._waiting.values())).adapter)
        chosen: list[int] = []
        for key, waiting in self._waiting.items():
            if len(self._running) + len(chosen) >= self._most:
                break
            if waiting.adapter == self._adapters.current:
                chosen.append(key)
            elif is_due(waiting.arrived):
                break
        return chosen

    def _add(self, key: int, ids: Any, attributes: dict[str, Any]) -> None:
        # A fresh configuration: the checkpoint's sampling defaults are for the caller to apply, or not.
        config = genai.GenerationConfig()
        own = attributes.pop("stop_token_ids")
        seen = attributes.pop("seen", None)
        if (grammar := attributes.pop("grammar", "")) and self._grammars.check(grammar) is None:
            config.structured_output_config = genai.StructuredOutputConfig(grammar=grammar)
        for name, value in attributes.items():
            setattr(config, name, value)
        if config.ignore_eos and own:
            # The engine's ignore_eos ignores a request's own stop tokens too, so the checkpoint's are left out
            # instead. An end-of-text token that is unset would be filled in again.
            config.ignore_eos = False
            config.eos_token_id = own[0]
            config.stop_token_ids = set(own)
        else:
            config.stop_token_ids = self._end_tokens | set(own)
        if seen is not None:
            self._add_seen(key, *seen, config=config)
            return
        self._running[key] = self._pipeline.add_request(key, ov.Tensor(ids.reshape(1, -1).copy()), config)

    def _add_seen(self, key: int, prompt: str, pictures: Iterable[Picture], *, config: Any) -> None:
        config.apply_chat_template = False  # the prompt is templated already
        # How many tokens images are, the engine tells at the end only. So it is given the whole context, which it keeps
        # to, and what the caller asked for is counted here.
        self._left[key] = config.max_new_tokens
        config.max_new_tokens = _NO_LIMIT
        config.max_length = self._context
        try:
            # The parts that see are run here and now, and every other sequence waits for them.
            tensors = [_tensor(picture) for picture in pictures]
            self._running[key] = self._pipeline.add_request(key, prompt, tensors, config)
        except Exception as error:
            del self._left[key]
            if "'max_length' must be" in str(error):
                raise ValueError(f"the prompt with its images does not fit a context of {self._context}") from error
            raise

    def _outputs(self, connection: Connection) -> list[tuple[int, list[int], list[float], str | None]]:
        outputs: list[tuple[int, list[int], list[float], str | None]] = []
        for key, handle in self._stopped.items():
            self._tell_count(key, handle, connection)
            outputs.append((key, [], [], "length"))
        self._stopped = {}
        for key, handle in list(self._running.items()):
            # Never read() without can_read(): it would wait, and hold the lock of all Python meanwhile.
            while handle.can_read():
                for output in handle.read().values():
                    finish = _FINISH[output.finish_reason]
                    outputs.append((key, output.generated_ids, output.generated_log_probs, finish))
                    if finish is not None:
                        self._running.pop(key, None)
                        self._tell_count(key, handle, connection)
                    elif self._has_made_all(key, len(output.generated_ids)):
                        handle.stop()
                        self._stopped[key] = self._running.pop(key)
            if key in self._running and handle.get_status() == genai.GenerationStatus.IGNORED:
                outputs.append((key, [], [], "memory"))
                self._left.pop(key, None)
                self._running.pop(key).stop()
        return outputs

    def _has_made_all(self, key: int, made: int) -> bool:
        if key not in self._left:
            return False
        self._left[key] -= made
        return self._left[key] <= 0

    def _tell_count(self, key: int, handle: Any, connection: Connection) -> None:
        """How many tokens a prompt with images has, known when its sequence is over."""
        if self._left.pop(key, None) is not None:
            connection.send(("counted", key, int(handle.get_perf_metrics().get_num_input_tokens())))

    def _warm_up(self) -> None:
        self._adapters.choose(self._pipeline, None, first=True)
        # The first step after a load builds kernels, which takes seconds; nobody should wait for that.
        config = genai.GenerationConfig()
        config.max_new_tokens = 2
        config.ignore_eos = True
        if self._sees:
            config.apply_chat_template = False
            grey = Picture(_WARM_UP_SIDE, _WARM_UP_SIDE, bytes(3 * _WARM_UP_SIDE**2))
            handle = self._pipeline.add_request(0, "a", [_tensor(grey)], config)
        else:
            handle = self._pipeline.add_request(0, ov.Tensor(np.array([_WARM_UP_IDS], np.int64)), config)
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        if handle.get_status() == genai.GenerationStatus.IGNORED:
            raise RuntimeError("CACHE_SIZE_GB is too small for even a short request")


_FINISH = {
    genai.GenerationFinishReason.NONE: None,
    genai.GenerationFinishReason.STOP: "stop",
    genai.GenerationFinishReason.LENGTH: "length",
    genai.GenerationFinishReason.TOOL_CALL: "stop",
}


def _load(folder: Path, settings: BackendSettings, adapters: Adapters) -> Any:
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size = settings.cache_size_gb
    scheduler.max_num_batched_tokens = settings.max_num_batched_tokens
    scheduler.max_num_seqs = settings.max_num_seqs
    scheduler.enable_prefix_caching = settings.enable_prefix_caching
    scheduler.dynamic_split_fuse = settings.dynamic_split_fuse
    try:
        properties = {**settings.properties, **adapters.properties}
        return genai.ContinuousBatchingPipeline(str(folder), scheduler, settings.device, properties)
    except Exception as error:
        given = {"DEVICE": settings.device, **settings.properties}
        settled = ", ".join(f"{name}={value}" for name, value in given.items())
        raise RuntimeError(f"OpenVINO cannot load the model in {folder} ({settled}): {_sentence(error)}") from error


def _tensor(picture: Picture) -> Any:
    pixels = np.frombuffer(picture.rgb, np.uint8).reshape(1, picture.height, picture.width, 3)
    return ov.Tensor(pixels.copy())


def _sentence(error: BaseException) -> str:
    """The last line of OpenVINO's account: those before name places in its own sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
