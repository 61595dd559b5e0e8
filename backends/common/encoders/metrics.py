"""What an encoder's backend reports on Triton's metrics port, beside Triton's own figures.

    modelyard_prompt_tokens_total     counter    tokens of texts, without padding
    modelyard_requests_total{outcome} counter    requests ended: success, cancelled, error
    modelyard_texts_total             counter    texts (or pairs) computed
    modelyard_batches_total           counter    inferences; texts per batch tell how well waiting requests are joined

All have the labels model and version. Knows figures; does not know where they come from.
"""

from __future__ import annotations

from typing import Any, Literal

Outcome = Literal["success", "cancelled", "error"]
_OUTCOMES: tuple[Outcome, ...] = ("success", "cancelled", "error")


class Metrics:
    """Each change costs a message to Triton, so a batch is told in one go."""

    def __init__(self, pb_utils: Any, model: str, version: str) -> None:
        labels = {"model": model, "version": version}
        self._kinds = pb_utils.MetricFamily
        self._families: list[Any] = []  # a family that is dropped takes its metrics with it
        self._tokens = self._counter("prompt_tokens_total", "Tokens of prompts").Metric(labels)
        self._texts = self._counter("texts_total", "Texts computed").Metric(labels)
        self._batches = self._counter("batches_total", "Inferences").Metric(labels)
        requests = self._counter("requests_total", "Requests ended, by outcome")
        self._requests = {outcome: requests.Metric({**labels, "outcome": outcome}) for outcome in _OUTCOMES}

    def batch(self, *, texts: int, tokens: int) -> None:
        self._batches.increment(1)
        self._texts.increment(texts)
        self._tokens.increment(tokens)

    def ended(self, outcome: Outcome) -> None:
        self._requests[outcome].increment(1)

    def _counter(self, name: str, about: str) -> Any:
        family = self._kinds(name=f"modelyard_{name}", description=about, kind=self._kinds.COUNTER)
        self._families.append(family)
        return family
