"""The answer to one request while it is made: tokens come in from the engine, texts go out to the caller.

Knows tokens, texts and how an answer ends; does not know tensors, threads or the engine.
"""

from __future__ import annotations

import collections
import itertools
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence as Items
from dataclasses import dataclass, field
from typing import Any, Literal

from ..failures import RequestFailed
from .codec import Codec
from .detokenizer import Detokenizer
from .failures import out_of_memory
from .infer_request import InferRequest
from .stop_strings import StopStrings

Finish = Literal["stop", "length", "memory"]


@dataclass(frozen=True)
class Tokens:
    """What one step of the engine brought for one sequence.

    An engine that makes the text itself gives it as `text`: that of `made` tokens, of which it may name but a few in
    `ids`. `about` is what is told of each of those, as the contract's JSON has it, where the engine knows more than
    the logprob.
    """

    ids: Items[int]
    logprobs: Items[float] | None
    finish: Finish | None
    text: str | None = None
    made: int | None = None
    about: Items[Mapping[str, Any]] | None = None

    @property
    def count(self) -> int:
        return len(self.ids) if self.made is None else self.made


TokenLogprob = tuple[int, float, "Mapping[str, Any] | None"]


@dataclass(frozen=True)
class SequenceDelta:
    """What is new in one sequence since the last response. `logprobs` are tokens with what is known of them."""

    text: str
    tokens: int
    logprobs: Items[TokenLogprob]
    cumulative_logprob: float
    finish_reason: str | None


class Sequence:
    """One of the n answers of a request."""

    def __init__(self, request: InferRequest, codec: Codec) -> None:
        sampling = request.sampling
        # To a grammar a special token is the text that it is written as, so leaving it out would break what was kept.
        skip = sampling.skip_special_tokens and not sampling.constrained
        self._arrived: collections.deque[Tokens] = collections.deque()
        self._detokenizer = Detokenizer(lambda ids: codec.decode(ids, skip_special_tokens=skip))
        self._stops = StopStrings(sampling.stop, include=sampling.include_stop_str_in_output)
        self._by_token = bool(sampling.stop)
        self._min_tokens = sampling.min_tokens
        self._keep_stop_token = sampling.include_stop_str_in_output and not sampling.constrained
        self._text: list[str] = []
        self._new_tokens = 0
        self._new_logprobs: list[TokenLogprob] = []
        self._cumulative_logprob = 0.0
        self.tokens = 0
        self.finish_reason: str | None = None
        self.stopped_here = False  # by a stop string, so that the engine has to be told

    def arrive(self, tokens: Tokens) -> None:
        """Called by the thread that listens to the engine; everything else by the one that sends."""
        self._arrived.append(tokens)

    def digest(self) -> None:
        """Turn what has arrived into text. Raises RequestFailed when the engine gave the sequence up."""
        while self._arrived and self.finish_reason is None:
            arrived = self._arrived.popleft()
            self._take(arrived)
            if self.finish_reason is None and arrived.finish is not None:
                if arrived.finish == "memory":
                    raise out_of_memory()
                self._text.append(self._stops.push(self._detokenizer.flush()))
                self._end("stop" if self._stops.matched else arrived.finish)

    def pop(self) -> SequenceDelta:
        """What is new, once."""
        delta = SequenceDelta(
            "".join(self._text), self._new_tokens, self._new_logprobs, self._cumulative_logprob, self.finish_reason
        )
        self._text, self._new_tokens, self._new_logprobs = [], 0, []
        return delta

    @property
    def has_text(self) -> bool:
        return any(self._text)

    def _take(self, arrived: Tokens) -> None:
        ids = arrived.ids
        logprobs = arrived.logprobs or [0.0] * len(ids)
        if arrived.text is not None:
            self._count(ids, logprobs, arrived.about, arrived.count)
            self._show(arrived.text, arrived)
            return
        # Token by token where a stop string may end the answer: what the engine made after it does not count.
        steps = range(len(ids)) if self._by_token else [len(ids) - 1]
        start = 0
        for last in steps:
            new = ids[start : last + 1]
            self._count(new, logprobs[start : last + 1], None, len(new))
            start = last + 1
            ends = arrived.finish == "stop" and start == len(ids)
            # A token that ends the answer is no part of its text.
            piece = self._detokenizer.push(new[:-1] if ends and not self._keep_stop_token else new)
            self._show(piece, arrived)
            if self.finish_reason is not None:
                return

    def _show(self, piece: str, arrived: Tokens) -> None:
        if self.tokens <= self._min_tokens:
            self._text.append(piece)
            return
        self._text.append(self._stops.push(piece))
        if self._stops.matched:
            self._end("stop")
            self.stopped_here = arrived.finish is None

    def _count(
        self, ids: Items[int], logprobs: Items[float], about: Items[Mapping[str, Any]] | None, made: int
    ) -> None:
        self.tokens += made
        self._new_tokens += made
        self._new_logprobs += zip(ids, logprobs, about or itertools.repeat(None, len(ids)), strict=True)
        self._cumulative_logprob += sum(logprobs)

    def _end(self, reason: str) -> None:
        self._text.append(self._stops.flush())
        self.finish_reason = reason


@dataclass
class Times:
    """Moments on the monotonic clock, in seconds; 0 for what has not been."""

    arrived: float = field(default_factory=time.monotonic)
    started: float = 0.0
    first_token: float = 0.0
    last_token: float = 0.0


class Generation:
    """A request in progress: its sequences, and the sender that its responses go to."""

    def __init__(self, request: InferRequest, codec: Codec, prompt_ids: Items[int], sender: Any) -> None:
        self.request = request
        self.sender = sender
        self.prompt_ids = prompt_ids
        self.prompt_tokens = len(prompt_ids)  # more where the prompt has images, which the engine counts
        self.sequences = [Sequence(request, codec) for _ in range(request.sampling.n)]
        self.keys: list[int] = []  # the engine's, one for each sequence
        self.later: list[tuple[int, dict[str, Any]]] = []  # sequences that wait for the first one's prompt
        self.times = Times()
        self.failure: RequestFailed | None = None  # set from any thread; the one that sends ends the request with it
        self.ended = False  # the last response is sent or about to be; changes under `ending` only
        self.ending = threading.Lock()

    @property
    def finished(self) -> bool:
        return all(sequence.finish_reason is not None for sequence in self.sequences)

    @property
    def tokens(self) -> int:
        return sum(sequence.tokens for sequence in self.sequences)

    def digest(self) -> list[int]:
        """Turn what has arrived into text; the keys of the sequences that the engine need not go on with."""
        unneeded = []
        for key, sequence in zip(self.keys, self.sequences, strict=True):
            sequence.digest()
            if sequence.stopped_here:
                sequence.stopped_here = False
                unneeded.append(key)
        return unneeded

    @property
    def has_news(self) -> bool:
        """Whether there is something to send now: in a stream any text or an end, else the end of all."""
        if self.finished:
            return True
        # An end of one of several is told with the next text or the last response: it has no text of its own.
        return self.request.stream and any(sequence.has_text for sequence in self.sequences)

    def pop(self) -> list[SequenceDelta]:
        return [sequence.pop() for sequence in self.sequences]
