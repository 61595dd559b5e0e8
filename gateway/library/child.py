"""`modelyard pull` in a process of its own, since a conversion needs libraries and memory that a gateway has not.

Reads the command's lines of progress and hands its error on as the same exception; stops it by a signal, which leaves
nothing half-written. Does not know who asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Callable
from typing import Any

import structlog

from gateway.domain.library import JobProgress
from gateway.library.wishes import Wish
from modelyard.environments import command_in
from modelyard.error_records import from_record
from modelyard.errors import ConversionFailed
from modelyard.settings import Settings

_GRACE_S = 60.0  # an exporter may be in the middle of a large file when it is told to stop
_LONGEST_LINE = 2**22  # bytes; a refusal lists every reason
_LAST_WORDS = 4096  # bytes of standard error that are kept for the log

log = structlog.get_logger(__name__)

Tell = Callable[[JobProgress], None]


async def pull(settings: Settings, wish: Wish, tell: Tell) -> bool:
    """Fetch and convert; whether there is a new entry, and not the one that was there already.

    Cancelling it stops the process and waits until it has cleared up. Raises what the command raised.
    """
    repository = settings.model_repository.absolute()
    arguments = ["pull", "--progress=json", f"--repository={repository}", f"--name={wish.name}"]
    arguments += [f"--{option}={value}" for option, value in wish.options]
    command, environment = command_in(settings.convert_python, [*arguments, "--", wish.source], role="convert")
    # In an empty folder: no file of this host can be meant by what a caller wrote.
    with tempfile.TemporaryDirectory(prefix="modelyard-pull-") as empty:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=empty,
            env=_environment(settings, environment),
            start_new_session=True,  # a Ctrl-C at the gateway's terminal is for the gateway to hand on
            limit=_LONGEST_LINE,
        )
        try:
            return await _read(process, wish, tell)
        except BaseException:
            await _stop(process)
            raise


def _environment(settings: Settings, inherited: dict[str, str]) -> dict[str, str]:
    """The settings that count for a pull, wherever this process has them from; and no key of the gateway's."""
    environment = {key: value for key, value in inherited.items() if not key.startswith("MODELYARD_API_KEY")}
    environment["MODELYARD_HUB_ENDPOINTS"] = ",".join(settings.hub_endpoints)
    environment["MODELYARD_OFFLINE"] = "1" if settings.offline else "0"
    # What will serve the model decides for which engine it is made; a relative path would lead nowhere there.
    environment["MODELYARD_TRITON_URLS"] = ",".join(settings.triton_urls)
    environment["MODELYARD_ENGINE_PYTHON"] = str(settings.engine_python.expanduser().absolute())
    if settings.cache_dir is not None:
        environment["MODELYARD_CACHE_DIR"] = str(settings.cache_dir.expanduser().absolute())
    return environment


async def _read(process: asyncio.subprocess.Process, wish: Wish, tell: Tell) -> bool:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    noise = asyncio.create_task(_last_words(process.stderr), name="noise of a pull")
    try:
        last: dict[str, Any] = {}
        while line := await process.stdout.readline():
            last = _told(line, tell) or last
        await process.wait()
        words = await noise
    finally:
        noise.cancel()
    if "error" in last:
        raise from_record(last["error"])
    if process.returncode != 0 or "result" not in last:
        log.warning("a pull ended without a word", source=wish.source, code=process.returncode, said=words)
        raise ConversionFailed(
            f"the conversion of {wish.source} ended unexpectedly (code {process.returncode})",
            hint="the gateway's log has its last words",
        )
    return not last["result"].get("already", False)


def _told(line: bytes, tell: Tell) -> dict[str, Any]:
    """Hand a line of progress on; the line itself when it is the end."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    if "step" in said:
        tell(JobProgress(str(said["step"])))
    elif "file" in said:
        tell(JobProgress("downloading", str(said["file"]), int(said["done"]), int(said["total"])))
    return said if isinstance(said.get("error", said.get("result")), dict) else {}


async def _last_words(stream: asyncio.StreamReader) -> str:
    kept = b""
    while piece := await stream.read(_LAST_WORDS):
        kept = (kept + piece)[-_LAST_WORDS:]
    return kept.decode("utf-8", "replace")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except asyncio.TimeoutError:
        log.warning("a pull does not stop and is killed; `modelyard gc` clears up after it", pid=process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
