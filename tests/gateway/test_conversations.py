"""What is remembered of users: so many turns, of so many users, one message at a time."""

from __future__ import annotations

import asyncio

import pytest

from gateway.conversations import Exchange, InMemoryConversations
from modelyard.errors import Overloaded


async def _turn(conversations: InMemoryConversations, user: str, question: str) -> int:
    async with conversations.held(user) as conversation:
        return conversation.remember(Exchange(question, "answer"))


async def test_only_the_last_turns_are_kept() -> None:
    conversations = InMemoryConversations(turns=2, users=9)
    assert [await _turn(conversations, "a", str(i)) for i in range(4)] == [1, 2, 2, 2]
    async with conversations.held("a") as conversation:
        assert [each.question for each in conversation.exchanges] == ["2", "3"]


async def test_no_turns_is_no_memory() -> None:
    assert await _turn(InMemoryConversations(turns=0, users=9), "a", "x") == 0


async def test_the_least_recently_used_user_is_forgotten() -> None:
    conversations = InMemoryConversations(turns=9, users=2)
    for user in ("a", "b", "a", "c"):
        await _turn(conversations, user, "x")
    assert len(conversations) == 2
    assert [await _turn(conversations, user, "x") for user in ("a", "c", "b")] == [3, 2, 1]


async def test_a_conversation_in_use_is_never_forgotten() -> None:
    conversations = InMemoryConversations(turns=9, users=1)
    async with conversations.held("a") as conversation:
        await _turn(conversations, "b", "x")
        assert conversation.remember(Exchange("q", "a")) == 1
    assert await _turn(conversations, "a", "x") == 2


async def test_one_message_at_a_time_and_not_too_many_waiting() -> None:
    conversations = InMemoryConversations(turns=9, users=9)
    inside = 0

    async def hold() -> None:
        nonlocal inside
        async with conversations.held("a"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    results = await asyncio.gather(*(hold() for _ in range(30)), return_exceptions=True)
    refused = [result for result in results if result is not None]
    assert len(refused) == 13
    assert all(isinstance(each, Overloaded) for each in refused)


async def test_what_is_forgotten_is_gone() -> None:
    conversations = InMemoryConversations(turns=9, users=9)
    await _turn(conversations, "a", "x")
    await conversations.forget("a")
    await conversations.forget("never seen")
    assert await _turn(conversations, "a", "x") == 1


async def test_who_stops_waiting_holds_nothing() -> None:
    conversations = InMemoryConversations(turns=9, users=9)
    async with conversations.held("a"):
        waiting = asyncio.create_task(_turn(conversations, "a", "x"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await _turn(conversations, "a", "x") == 1
