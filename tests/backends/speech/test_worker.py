"""The queue before a model and the process that holds it, with the real pipeline and no Triton."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.speech.conftest import engines_below, parent_of
from tests.converters.speech_checkpoints import samples

_BACKENDS = Path(__file__).parents[3] / "backends"
_PACKAGE = "modelyard_backends"


def of_backends(name: str) -> Any:
    """A module under the name that it has inside Triton, which is the one that the worker's process knows."""
    if _PACKAGE not in sys.modules:
        package = sys.modules[_PACKAGE] = types.ModuleType(_PACKAGE)
        package.__path__ = [str(_BACKENDS)]
    return importlib.import_module(f"{_PACKAGE}.{name}")


def own_engines() -> list[int]:
    """Those that this process has started; there may be a Triton below it, with its own."""
    return [each for each in engines_below(os.getpid()) if parent_of(each) == os.getpid()]


class Told:
    """A job that remembers what it was told; `wanted` is what it says when it is asked."""

    def __init__(self, seconds: float = 1.0) -> None:
        audio = np.tile(np.array(samples(min(seconds, 60.0)), np.float32), max(1, int(seconds / 60)))
        self.work = of_backends("openvino_whisper.speech_request").SpeechRequest(audio.tobytes())
        self.wanted = True
        self.asked = threading.Event()
        self.over = threading.Event()
        self.result: Any = None
        self.failure: Any = None

    def cancelled(self) -> bool:
        self.asked.set()
        return not self.wanted

    def done(self, result: Any) -> None:
        self.result = result
        self.over.set()

    def failed(self, failure: Any) -> None:
        self.failure = failure
        self.over.set()

    @property
    def outcome(self) -> str:
        assert self.over.wait(300)
        return "done" if self.failure is None else str(self.failure.code)


@pytest.fixture
def worker(made: Path) -> Iterator[Any]:
    settings = {"device": "CPU", "word_timestamps": False, "properties": {"INFERENCE_NUM_THREADS": 1}}
    folder = made / "repository" / "whisper" / "1"
    opened = of_backends("common.worker.worker").Worker(
        "openvino_whisper.pipeline", folder, settings, waiting=2, log=lambda line: None
    )
    opened.start()
    yield opened
    opened.close()


def test_a_job_that_is_not_wanted_any_more_ends(worker: Any) -> None:
    long, short = Told(1680.0), Told()
    worker.submit(long)
    assert long.asked.wait(60)  # before it begins
    long.asked.clear()
    assert long.asked.wait(60)  # while it is computed
    long.wanted = False
    worker.submit(short)
    assert long.outcome == "CANCELLED"  # one that had not heeded the word would be done
    assert short.outcome == "done"
    assert short.result["text"]


def test_jobs_that_wait_in_vain_make_room(worker: Any) -> None:
    running, first, second, third = Told(600.0), Told(), Told(), Told()
    worker.submit(running)
    assert running.asked.wait(60)
    worker.submit(first)
    worker.submit(second)
    with pytest.raises(of_backends("common.failures").RequestFailed, match="2 requests are waiting"):
        worker.submit(third)
    first.wanted = False
    assert first.outcome == "CANCELLED"
    assert not running.over.is_set()
    worker.submit(third)
    assert [each.outcome for each in (running, second, third)] == ["done"] * 3
    assert second.result == third.result


def test_an_engine_that_dies_fails_its_job_alone(worker: Any) -> None:
    dying, waiting = Told(1680.0), Told()
    worker.submit(dying)
    assert dying.asked.wait(60)  # before it begins
    dying.asked.clear()
    assert dying.asked.wait(60)  # while it is computed
    worker.submit(waiting)
    (process,) = own_engines()
    os.kill(process, signal.SIGSEGV)
    assert dying.outcome == "INTERNAL"
    assert f"ended with code {-signal.SIGSEGV}" in str(dying.failure)
    assert waiting.outcome == "done"
    assert own_engines() != [process]


def test_the_end_is_told_to_all(worker: Any) -> None:
    running, waiting = Told(1680.0), Told()
    worker.submit(running)
    assert running.asked.wait(60)
    worker.submit(waiting)
    worker.close()
    assert [running.outcome, waiting.outcome] == ["UNAVAILABLE", "UNAVAILABLE"]
    with pytest.raises(of_backends("common.failures").RequestFailed, match="unloaded"):
        worker.submit(Told())


def test_a_model_that_is_none_is_told(tmp_path: Path) -> None:
    module = of_backends("common.worker.worker")
    settings = {"device": "CPU", "word_timestamps": False, "properties": {}}
    opened = module.Worker("openvino_whisper.pipeline", tmp_path, settings, waiting=1, log=lambda line: None)
    with pytest.raises(module.WorkerFailed, match=r"generation_config\.json"):
        opened.start()
