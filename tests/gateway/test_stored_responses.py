"""Responses in memory: so many, of so many bytes; what several share counts once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.stored_responses import InMemoryResponses, StoredResponse


def _stored(name: str, *items: bytes) -> StoredResponse:
    return StoredResponse(name, b"{}", items)


async def test_the_least_recently_used_goes_beyond_the_number() -> None:
    store = InMemoryResponses(most=2, most_bytes=10**6)
    for name in ("a", "b"):
        await store.keep(_stored(name))
    assert await store.find("a") is not None
    await store.keep(_stored("c"))
    assert await store.find("b") is None
    assert await store.find("a") is not None
    assert await store.find("c") is not None


async def test_the_oldest_go_beyond_the_bytes_and_the_newest_stays() -> None:
    store = InMemoryResponses(most=100, most_bytes=3000)
    for name in "abcd":
        await store.keep(_stored(name, bytes(1000)))
    assert [name for name in "abcd" if await store.find(name)] == ["c", "d"]
    await store.keep(_stored("large", bytes(10_000)))
    assert len(store) == 1
    assert await store.find("large") is not None


async def test_items_that_are_shared_take_their_room_once() -> None:
    store = InMemoryResponses(most=100, most_bytes=10**6)
    picture = bytes(100_000)
    for number in range(20):
        await store.keep(_stored(str(number), picture, b"%d" % number))
    assert len(store) == 20
    assert 100_000 < store.bytes < 110_000


async def test_a_store_of_none_keeps_none() -> None:
    store = InMemoryResponses(most=0, most_bytes=10**6)
    await store.keep(_stored("a"))
    assert not store.keeps
    assert len(store) == 0


_POOL = tuple(bytes(size) for size in (10, 500, 900))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("keep", "forget", "find")),
            st.sampled_from("abcdef"),
            st.lists(st.integers(0, 2), max_size=4),
        )
    )
)
async def test_bounds_hold_whatever_comes_and_nothing_is_left_at_the_end(
    steps: list[tuple[str, str, list[int]]],
) -> None:
    store = InMemoryResponses(most=3, most_bytes=2500)
    for what, name, places in steps:
        if what == "keep":
            await store.keep(_stored(name, *(_POOL[place] for place in places)))
            assert await store.find(name) is not None
        elif what == "forget":
            known = await store.find(name) is not None
            assert await store.forget(name) == known
            assert await store.find(name) is None
        else:
            await store.find(name)
        assert len(store) <= 3
        assert store.bytes <= 2500
    for name in "abcdef":
        await store.forget(name)
    assert store.bytes == 0
