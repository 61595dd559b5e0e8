"""Chats that are streamed through the balancer for as long as a block runs, each checked to the last token.

Every answer is compared with the one that the same question got when nothing was going on, so a lost, repeated or
foreign token shows. Knows OpenAI's streaming form; does not know what happens to the fleet meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

QUESTIONS = (
    "What is Modelyard?",
    "How do I convert a model?",
    "How do I stop a model?",
    "What is 12 + 30?",
    "Write a long text about Modelyard.",
)
TOKENS = 240  # with ignore_eos each answer has as many: long enough that hosts change in the middle of it
PAUSE_S = 3.0


@dataclass(frozen=True)
class Answer:
    """What a client saw of one request. `error` is an error event in the stream, or why the connection broke."""

    question: str
    status: int
    text: str = ""
    finish_reason: str | None = None
    tokens: int = 0
    error: str = ""


@dataclass
class Traffic:
    """Answers so far, in the order in which they ended."""

    expected: dict[str, str]
    answers: list[Answer] = field(default_factory=list)

    def broken(self) -> list[Answer]:
        """Those that are not whole: whoever loses none finds none here."""
        return [answer for answer in self.answers if not self._whole(answer)]

    def _whole(self, answer: Answer) -> bool:
        ended = answer.status == 200 and answer.finish_reason == "length" and not answer.error
        return ended and answer.tokens == TOKENS and answer.text == self.expected[answer.question]


async def _ask(client: httpx.AsyncClient, question: str) -> Answer:
    body = {
        "model": "demo",
        "messages": [{"role": "user", "content": question}],
        "max_tokens": TOKENS,
        "ignore_eos": True,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    status, text, reason, tokens, error = 0, "", None, 0, "the stream ended without [DONE]"
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body) as response:
            status = response.status_code
            if status != 200:
                return Answer(question, status, error=(await response.aread()).decode())
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    error = "" if error.startswith("the stream ended") else error
                elif line.startswith("data: "):
                    chunk = json.loads(line.removeprefix("data: "))
                    error = str(chunk["error"]) if "error" in chunk else error
                    tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
                    for choice in chunk.get("choices", []):
                        text += choice["delta"].get("content") or ""
                        reason = choice["finish_reason"] or reason
    except httpx.HTTPError as problem:
        error = repr(problem)
    return Answer(question, status, text, reason, tokens, error)


def client_of(url: str, key: str, certificate: str = "") -> httpx.AsyncClient:
    """One that trusts this certificate, a file, and no other; or that asks for none."""
    verify = ssl.create_default_context(cafile=certificate) if certificate else True
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120, verify=verify)


def ask(url: str, key: str, question: str = QUESTIONS[0], *, certificate: str = "") -> Answer:
    async def once() -> Answer:
        async with client_of(url, key, certificate) as client:
            return await _ask(client, question)

    return asyncio.run(once())


@contextlib.contextmanager
def traffic(url: str, key: str, *, clients: int = 3) -> Iterator[Traffic]:
    """`clients` of them ask one question after the other while the block runs; their last answers are waited for."""
    running = Traffic({question: ask(url, key, question).text for question in QUESTIONS})
    over = threading.Event()

    async def one(number: int, client: httpx.AsyncClient) -> None:
        asked = number
        while not over.is_set():
            answer = await _ask(client, QUESTIONS[asked % len(QUESTIONS)])
            running.answers.append(answer)
            asked += 1
            # Hosts and playbooks share the cores of this machine with what answers.
            await asyncio.sleep(PAUSE_S)

    async def all_of_them() -> None:
        async with client_of(url, key) as client:
            await asyncio.gather(*(one(number, client) for number in range(clients)))

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()), name="traffic")
    thread.start()
    try:
        yield running
    finally:
        over.set()
        thread.join()
