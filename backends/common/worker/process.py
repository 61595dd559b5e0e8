"""The process that holds the model: loads it, then takes jobs from a socket, one at a time.

Knows messages; what a job is, only the pipeline knows that it is given.

Messages in:   ("load", folder, settings, process id of Triton), then ("job", job), ("cancel",), ("quit",)
Messages out:  ("ready",) or ("failed", sentence), then one for each job: ("done", result), ("refused", sentence),
               ("cancelled",) or ("broken", sentence)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..failures import Refused
from ..language.orphan import end_without

Cancelled = Callable[[], bool]
Pipeline = Callable[[Any, Cancelled], Any]


class JobCancelled(Exception):
    """The pipeline stopped because nobody waits for the result."""


def serve(descriptor: int, load: Callable[[Path, dict[str, Any]], Pipeline]) -> None:
    """Load the model, say so, and take jobs until the other side says quit or is gone."""
    connection = Connection(descriptor)
    try:
        _, folder, settings, triton = connection.recv()
        end_without(triton, stub=os.getppid())
        try:
            pipeline = load(Path(folder), settings)
        except Exception as error:
            connection.send(("failed", sentence(error)))
            return
        connection.send(("ready",))
        while (message := connection.recv())[0] != "quit":
            if message[0] == "job":
                connection.send(_answer(pipeline, message[1], connection))
    except (EOFError, ConnectionError):
        return  # the backend is gone; nobody is left to answer


def _answer(pipeline: Pipeline, job: Any, connection: Connection) -> tuple[Any, ...]:
    def cancelled() -> bool:
        # While a job runs, the other side has nothing else to say than that its result is not wanted any more.
        return connection.poll()

    try:
        return ("done", pipeline(job, cancelled))
    except JobCancelled:
        return ("cancelled",)
    except Refused as refusal:
        return ("refused", str(refusal))
    except Exception as error:
        return ("broken", sentence(error))


def sentence(error: BaseException) -> str:
    """The last line of OpenVINO's account: those before name places in its own sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
