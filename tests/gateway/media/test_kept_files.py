"""Files are found by their names for their time, and the oldest go when there is no room."""

from __future__ import annotations

from gateway.media.kept_files import InMemoryFiles, KeptFile


async def test_a_file_is_kept_for_its_time() -> None:
    now = 0.0
    files = InMemoryFiles(100, seconds=60, clock=lambda: now)
    name = await files.keep(KeptFile(b"picture", "image/png"))
    assert len(name) >= 32
    assert await files.find(name) == KeptFile(b"picture", "image/png")
    assert await files.find("another") is None
    now = 60.0
    assert await files.find(name) is None


async def test_the_oldest_go_when_there_is_no_room_and_the_newest_stays() -> None:
    files = InMemoryFiles(10)
    names = [await files.keep(KeptFile(bytes(4), "image/png")) for _ in range(3)]
    assert [await files.find(name) is not None for name in names] == [False, True, True]
    large = await files.keep(KeptFile(bytes(50), "image/png"))
    assert await files.find(large) is not None
    assert await files.find(names[2]) is None
