"""The life of requests inside the backend: from a checked request to its last response.

Three kinds of threads meet here: Triton's, which brings requests; the engine's reader, which brings tokens; and the
senders, which turn tokens into text and responses. Knows all of them; does not know Triton's classes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..failures import Refused, RequestFailed, cancelled, unloading
from .codec import Codec
from .engine import Engine, EngineState
from .failures import engine_broken, prompt_too_long
from .generation import Generation, Tokens
from .infer_request import InferRequest
from .metrics import Metrics, Outcome
from .outbox import Outbox
from .responses import Responses
from .settings import LanguageSettings
from .tokens import detokenized, known, tokenized

# Two, so that one can make a response while the other waits for Triton to take its own; a third gained nothing.
_SENDERS = 2

# A response costs Triton, this process and the client a few hundred microseconds together, so tokens that come within
# this time share one: a moment for a few streams, longer for many, which bounds all responses to about 2,000 a second.
# An engine whose steps take longer than that hands every token on at once.
_TOGETHER_S = 0.004
_TOGETHER_PER_SEQUENCE_S = 0.0005

# Asking Triton whether a request was cancelled is a message there and back. Every running request is asked in turn,
# and then there is a pause of at least this, and of nine times what the round took.
_CANCEL_PAUSE_S = 0.01
_METRICS_PAUSE_S = 0.1

_STUCK_AFTER_S = 2.0

# The cache is shared in blocks of 32 tokens. From two of them on, the other sequences of one prompt wait for the
# first one's, so that it is computed once.
_WORTH_SHARING = 64


class Answering:
    """All requests of one model instance."""

    def __init__(
        self,
        version_folder: Path,
        settings: LanguageSettings,
        codec: Codec,
        responses: Responses,
        metrics: Metrics,
        log: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._responses = responses
        self._metrics = metrics
        self._log = log
        self._engine = Engine(version_folder, settings, self, log)
        self._outbox: Outbox[Generation] = Outbox()
        self._of_key: dict[int, tuple[Generation, int]] = {}
        self._live: dict[int, Generation] = {}
        # The reader's own: what has brought tokens since the last handing over, whether some of it must not wait, and
        # when that was.
        self._touched: set[Generation] = set()
        self._urgent = False
        self._handed_over = 0.0
        self._closing = threading.Event()
        self._senders = [
            threading.Thread(target=self._send_all, name=f"sender-{index}", daemon=True) for index in range(_SENDERS)
        ]
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Load the model. Raises EngineFailed."""
        self._engine.start()
        for thread in (*self._senders, self._watcher):
            thread.start()

    def begin(self, request: InferRequest, sender: Any) -> None:
        """Take a request on; every response goes to `sender`. Raises RequestFailed when it cannot be taken."""
        if request.operation != "generate":
            self._sent_at_once(request, sender)
            return
        given = request.token_ids
        ids = self._codec.encode(request.prompt) if given is None else known(given, self._codec.size)
        context = self._settings.context_length
        if len(ids) >= context:
            raise prompt_too_long(len(ids), context)
        if not ids:
            raise Refused("the prompt has no tokens")
        generation = Generation(request, self._codec, ids, sender)
        generation.keys = self._engine.reserve(request.sampling.n)
        for index, key in enumerate(generation.keys):
            self._of_key[key] = generation, index
        self._live[id(generation)] = generation
        with_logprobs = request.sampling.logprobs is not None or request.return_cumulative_logprob
        # An engine that sees makes its own tokens of prompt and images.
        seen = {} if request.images is None else {"seen": (self._codec.without_bos(request.prompt), request.images)}
        additions = [
            (key, request.sampling.for_engine(room=context - len(ids), seed=seed, with_logprobs=with_logprobs) | seen)
            for key, seed in zip(generation.keys, request.sampling.seeds(), strict=True)
        ]
        shared = self._settings.shares_prompts and len(ids) >= _WORTH_SHARING
        now, generation.later = (additions[:1], additions[1:]) if shared else (additions, [])
        self._metrics.count_tokens(prompt=len(ids))
        try:
            self._add(generation, now)
        except RequestFailed:
            self._forget(generation)
            raise

    def _sent_at_once(self, request: InferRequest, sender: Any) -> None:
        outputs = (
            detokenized(self._codec, request.token_ids)
            if request.operation == "detokenize"
            else tokenized(self._codec, request.prompt, special_tokens=request.add_special_tokens)
        )
        sender.send(self._responses.plain(outputs), flags=self._responses.final_flag)

    def refuse(self, sender: Any, failure: RequestFailed) -> None:
        """Answer a request that was not taken on."""
        sender.send(self._responses.failure(failure), flags=self._responses.final_flag)

    def close(self) -> None:
        """End: whoever still waits is told so."""
        self._closing.set()
        self._fail_all(unloading())
        self._outbox.close()
        for thread in (*self._senders, self._watcher):
            if thread.is_alive():
                thread.join(_STUCK_AFTER_S)
        self._engine.close()

    @property
    def stuck(self) -> bool:
        """Whether a thread did not end with `close`, because Triton no longer answers what it asked."""
        return any(thread.is_alive() for thread in (*self._senders, self._watcher))

    # What the engine tells, in the engine's reader thread.

    def started(self, key: int) -> None:
        if (found := self._of_key.get(key)) and not found[0].times.started:
            found[0].times.started = time.monotonic()

    def tokens(self, key: int, tokens: Tokens) -> None:
        found = self._of_key.get(key)
        if found is None:
            return
        generation, index = found
        if tokens.count:
            generation.times.last_token = time.monotonic()
            self._urgent |= not generation.times.first_token
            generation.times.first_token = generation.times.first_token or generation.times.last_token
            self._metrics.count_tokens(generated=tokens.count)
        self._urgent |= tokens.finish is not None
        generation.sequences[index].arrive(tokens)
        self._touched.add(generation)

    def refused(self, key: int, why: str) -> None:
        if found := self._of_key.get(key):
            named = why.startswith("'")  # the parameter that is meant, which is then the first word
            self._fail(found[0], Refused(why if named else f"the engine refuses the request: {why}"))

    def counted(self, key: int, prompt_tokens: int) -> None:
        if (found := self._of_key.get(key)) and not found[1]:
            self._metrics.count_tokens(prompt=max(0, prompt_tokens - found[0].prompt_tokens))
            found[0].prompt_tokens = prompt_tokens

    def lost(self, key: int, why: str) -> None:
        if found := self._of_key.get(key):
            self._fail(found[0], engine_broken(why))

    def stepped(self, state: EngineState) -> None:
        self._metrics.state(state)
        now = time.monotonic()
        together_s = max(_TOGETHER_S, _TOGETHER_PER_SEQUENCE_S * state.running)
        if self._urgent or now - self._handed_over >= together_s:
            self._handed_over, self._urgent = now, False
            touched, self._touched = self._touched, set()
            self._outbox.put(touched)

    def broke(self, why: str) -> None:
        self._touched = set()
        self._metrics.state(EngineState())
        self._fail_all(engine_broken(why))

    # The senders.

    def _send_all(self) -> None:
        while (generation := self._outbox.take()) is not None:
            try:
                if not generation.ended:
                    self._attend(generation)
            except Exception as error:
                # Triton refuses a response of a request that is gone, for one. The thread must go on for the others.
                self._log(f"a response could not be sent: {error}")
                self._end(generation, "error")
            finally:
                self._outbox.done(generation)

    def _attend(self, generation: Generation) -> None:
        failure = generation.failure
        if failure is None:
            try:
                for key in generation.digest():
                    self._engine.stop(key)
                if generation.later and generation.tokens:
                    later, generation.later = generation.later, []
                    self._add(generation, later)
            except RequestFailed as failed:
                failure = failed
        if failure is not None:
            gone = failure.code == "CANCELLED"
            self._end(generation, "cancelled" if gone else "error")
            if gone:
                # Nobody listens. An error would be written to a stream that Triton is taking down, which it may not
                # survive (2.51); the flag alone only lets it free the request.
                generation.sender.send(flags=self._responses.final_flag)
            else:
                self.refuse(generation.sender, failure)
        elif generation.has_news:
            response = self._responses.content(generation, generation.pop())
            if generation.finished:
                self._end(generation, "success")
                generation.sender.send(response, flags=self._responses.final_flag)
            else:
                generation.sender.send(response)

    def _add(self, generation: Generation, additions: Sequence[tuple[int, dict[str, Any]]]) -> None:
        for key, attributes in additions:
            self._engine.add(key, generation.prompt_ids, attributes)

    def _end(self, generation: Generation, outcome: Outcome) -> None:
        with generation.ending:
            if generation.ended:
                return
            generation.ended = True
        self._forget(generation)
        self._metrics.ended(outcome, generation.times, generation.tokens)

    def _forget(self, generation: Generation) -> None:
        for key in generation.keys:
            self._of_key.pop(key, None)
            self._engine.stop(key)
        self._live.pop(id(generation), None)

    # From any thread.

    def _fail(self, generation: Generation, failure: RequestFailed) -> None:
        generation.failure = generation.failure or failure
        self._outbox.put({generation})

    def _fail_all(self, failure: RequestFailed) -> None:
        for generation in list(self._live.values()):
            self._fail(generation, failure)

    # The watcher.

    def _watch(self) -> None:
        pause = _CANCEL_PAUSE_S
        told = 0.0
        while not self._closing.wait(pause):
            begin = time.monotonic()
            for generation in list(self._live.values()):
                if generation.failure is None and _is_cancelled(generation):
                    self._fail(generation, cancelled())
            now = time.monotonic()
            pause = max(_CANCEL_PAUSE_S, 9 * (now - begin))
            if now - told >= _METRICS_PAUSE_S:
                self._metrics.tell()
                told = now


def _is_cancelled(generation: Generation) -> bool:
    # Triton frees what it is asked about when the last response is sent: never both at once, and not after it.
    with generation.ending:
        return not generation.ended and bool(generation.sender.is_cancelled())
