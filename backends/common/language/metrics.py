"""What the backend reports on Triton's metrics port, beside Triton's own figures.

    modelyard_prompt_tokens_total             counter    tokens of prompts
    modelyard_generated_tokens_total          counter    tokens made
    modelyard_requests_total{outcome}         counter    requests ended: success, cancelled, error
    modelyard_sequences_running               gauge      sequences being computed
    modelyard_sequences_waiting               gauge      sequences waiting for a place
    modelyard_cache_use_ratio                 gauge      KV cache in use, from 0 to 1
    modelyard_time_to_first_token_seconds     histogram  from arrival to the first token
    modelyard_time_per_output_token_seconds   histogram  between two tokens of one answer, its mean
    modelyard_request_seconds                 histogram  from arrival to the last token
    modelyard_queue_seconds                   histogram  from arrival to the begin of computing

All have the labels model and version. Each change costs a message to Triton, so they are gathered and told in one go
by `tell`. Knows figures; does not know where they come from.
"""

from __future__ import annotations

import collections
from typing import Any, Literal

from .engine import EngineState
from .generation import Times

Outcome = Literal["success", "cancelled", "error"]

_LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0]
_TOKEN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5]


class Metrics:
    """Gathers from any thread; `tell` is called by one."""

    def __init__(self, pb_utils: Any, model: str, version: str) -> None:
        labels = {"model": model, "version": version}
        self._kinds = pb_utils.MetricFamily
        self._families: list[Any] = []  # a family that is dropped takes its metrics with it

        counter, gauge, histogram = self._kinds.COUNTER, self._kinds.GAUGE, self._kinds.HISTOGRAM
        self._prompt = self._family("prompt_tokens_total", "Tokens of prompts", counter).Metric(labels)
        self._generated = self._family("generated_tokens_total", "Tokens made", counter).Metric(labels)
        requests = self._family("requests_total", "Requests ended, by outcome", counter)
        self._requests = {
            outcome: requests.Metric({**labels, "outcome": outcome}) for outcome in ("success", "cancelled", "error")
        }
        self._running = self._family("sequences_running", "Sequences being computed", gauge).Metric(labels)
        self._waiting = self._family("sequences_waiting", "Sequences waiting for a place", gauge).Metric(labels)
        self._cache = self._family("cache_use_ratio", "KV cache in use", gauge).Metric(labels)
        self._histograms = {
            name: self._family(f"{name}_seconds", about, histogram).Metric(labels, buckets)
            for name, about, buckets in (
                ("time_to_first_token", "From arrival to the first token", _LATENCY_BUCKETS),
                ("time_per_output_token", "Between two tokens of one answer, its mean", _TOKEN_BUCKETS),
                ("request", "From arrival to the last token", _LATENCY_BUCKETS),
                ("queue", "From arrival to the begin of computing", _LATENCY_BUCKETS),
            )
        }
        self._state = self._told = EngineState()
        self._seen: collections.deque[tuple[str, float]] = collections.deque()
        self._ended: collections.deque[Outcome] = collections.deque()
        self._new_tokens: collections.deque[tuple[int, int]] = collections.deque()

    def count_tokens(self, *, prompt: int = 0, generated: int = 0) -> None:
        self._new_tokens.append((prompt, generated))

    def state(self, state: EngineState) -> None:
        self._state = state

    def ended(self, outcome: Outcome, times: Times, tokens: int) -> None:
        """A request is over; times that are 0 have not been."""
        self._ended.append(outcome)
        if times.started:
            self._seen.append(("queue", times.started - times.arrived))
        if times.first_token:
            self._seen.append(("time_to_first_token", times.first_token - times.arrived))
            self._seen.append(("request", times.last_token - times.arrived))
            if tokens > 1:
                self._seen.append(("time_per_output_token", (times.last_token - times.first_token) / (tokens - 1)))

    def tell(self) -> None:
        """Hand everything gathered to Triton."""
        prompt = generated = 0
        while self._new_tokens:
            more_prompt, more_generated = self._new_tokens.popleft()
            prompt += more_prompt
            generated += more_generated
        if prompt:
            self._prompt.increment(prompt)
        if generated:
            self._generated.increment(generated)
        while self._ended:
            self._requests[self._ended.popleft()].increment(1)
        while self._seen:
            name, value = self._seen.popleft()
            self._histograms[name].observe(value)
        state = self._state
        if state.running != self._told.running:
            self._running.set(state.running)
        if state.waiting != self._told.waiting:
            self._waiting.set(state.waiting)
        if state.cache_use != self._told.cache_use:
            self._cache.set(state.cache_use)
        self._told = state

    def _family(self, name: str, about: str, kind: Any) -> Any:
        family = self._kinds(name=f"modelyard_{name}", description=about, kind=kind)
        self._families.append(family)
        return family
