"""One file on its way from the hub into a file that grows, and goes on where it stopped when it broke.

Knows HTTP's ranges; does not know whether the bytes are the right ones, nor where they will be kept.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from converters.hub.access import Patience, headers, raise_for_status, session
from converters.hub.retries import error_of, is_passing, pause_s
from modelyard.errors import NotEnoughDisk
from modelyard.host import free_disk

if TYPE_CHECKING:
    import httpx

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Stopped(Exception):
    """Another file failed or the user stopped: what came so far is kept."""


@dataclass
class Transfer:
    """`run` brings what is missing of `size` bytes from `url` into `incomplete`.

    `on_bytes` is called with how many are here. A break with no byte since the last one counts as fruitless, and
    `patience.attempts` of those in a row end it; so a long file may break many times.
    """

    url: str
    incomplete: Path
    size: int
    patience: Patience
    stop: Event
    on_bytes: Callable[[int], None]
    _fruitless: int = 0

    def run(self) -> None:
        """Raises what httpx and huggingface_hub raise, NotEnoughDisk, or Stopped."""
        from tenacity import Retrying, retry_if_exception, sleep_using_event

        self.incomplete.parent.mkdir(parents=True, exist_ok=True)
        retrying = Retrying(
            retry=retry_if_exception(lambda error: is_passing(error, self.patience)),
            stop=lambda state: self.stop.is_set() or self._fruitless >= self.patience.attempts,
            wait=lambda state: pause_s(error_of(state), max(1, self._fruitless), self.patience),
            sleep=sleep_using_event(self.stop),
            reraise=True,
        )
        try:
            retrying(self._go_on)
        except OSError as error:
            if error.errno in _FULL:
                raise self._disk_is_full() from error
            raise

    def _go_on(self) -> None:
        before = self._here()
        if before > self.size:  # of an earlier listing, or damaged
            self.incomplete.unlink()
            before = 0
        if before == self.size and self.size > 0:
            return
        try:
            self._receive(before)
        finally:
            self._fruitless = 0 if self._here() > before else self._fruitless + 1

    def _receive(self, before: int) -> None:
        import httpx

        asked = {**headers(), **({"Range": f"bytes={before}-"} if before else {})}
        limit_s = self.patience.answer_timeout_s
        with session().stream("GET", self.url, headers=asked, follow_redirects=True, timeout=limit_s) as response:
            raise_for_status(response)
            here = before if _begins_at(response, before) else 0
            with self.incomplete.open("ab" if here else "wb") as file:
                for piece in response.iter_bytes():
                    if self.stop.is_set():
                        raise Stopped
                    file.write(piece)
                    here += len(piece)
                    if here > self.size:
                        break  # more than was announced: the check of the bytes will say so
                    self.on_bytes(here)
        if here < self.size:
            raise httpx.RemoteProtocolError("the answer ended before the file did")

    def _here(self) -> int:
        try:
            return self.incomplete.stat().st_size
        except FileNotFoundError:
            return 0

    def _disk_is_full(self) -> NotEnoughDisk:
        folder = self.incomplete.parent
        return NotEnoughDisk(folder, max(0, self.size - self._here()), free_disk(folder))


def _begins_at(response: httpx.Response, offset: int) -> bool:
    """Whether the answer goes on at `offset`, instead of giving the file from its beginning."""
    said = response.headers.get("content-range", "")
    return response.status_code == 206 and said.startswith(f"bytes {offset}-")
