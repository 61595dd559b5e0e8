"""One turn of /chat: the conversation so far, the answer, and its place in the conversation when it is complete.

Knows conversations and answers; knows no dialect and no engine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from gateway.conversations import Conversations, Exchange
from gateway.domain.content import Message
from gateway.domain.generation import Finished, GenerationRequest, TextDelta
from gateway.domain.ports import Answering, ChatEvent, Remembered, Speaker, Turn
from modelyard.errors import PromptTooLong


class Chat:
    """Fits `Chatting` of the domain's ports. `default_model` names the model of a turn that names none."""

    def __init__(
        self,
        answering: Answering,
        conversations: Conversations,
        default_model: Callable[[], Awaitable[str]],
        *,
        system: str | None,
    ) -> None:
        self._answering = answering
        self._conversations = conversations
        self._default_model = default_model
        self._system = system

    async def say(self, turn: Turn) -> AsyncGenerator[ChatEvent, None]:
        model = turn.model if turn.model is not None else await self._default_model()
        async with self._conversations.held(turn.user_id) as conversation:
            yield Speaker(model)
            reply: list[str] = []
            finished: Finished | None = None
            async with aclosing(self._answer(model, turn, conversation.exchanges)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        reply.append(event.text)
                    else:
                        finished = event
                    yield event
            if finished is not None:
                yield Remembered(conversation.remember(Exchange(turn.message, "".join(reply))))

    async def forget(self, user_id: str) -> None:
        await self._conversations.forget(user_id)

    async def _answer(
        self, model: str, turn: Turn, exchanges: Sequence[Exchange]
    ) -> AsyncGenerator[TextDelta | Finished, None]:
        """The answer. When the conversation has outgrown the model's context, its older half is left out, and so on."""
        while True:
            request = GenerationRequest(model, self._messages(exchanges, turn.message), turn.sampling, turn.stream)
            try:
                async with aclosing(self._answering.answer(request)) as events:
                    async for event in events:
                        if isinstance(event, TextDelta | Finished):  # the others are for who asks for them
                            yield event
                return
            except PromptTooLong:
                if not exchanges:
                    raise
                exchanges = exchanges[(len(exchanges) + 1) // 2 :]

    def _messages(self, exchanges: Sequence[Exchange], message: str) -> tuple[Message, ...]:
        messages = [Message.of("system", self._system)] if self._system else []
        for exchange in exchanges:
            messages += [Message.of("user", exchange.question), Message.of("assistant", exchange.answer)]
        return (*messages, Message.of("user", message))
