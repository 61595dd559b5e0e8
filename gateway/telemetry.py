"""What is counted and noted of each request: one record, one line in the log, and Prometheus figures at its end.

Nothing here is done per token. Knows no dialect; never sees what was asked or answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import modelyard
from gateway.domain.generation import Usage

log = structlog.get_logger(__name__)

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass
class Record:
    """One request while it is answered. `outcome` says more than the status where a stream ended otherwise."""

    request_id: str
    method: str
    path: str
    dialect: str
    started_at: float = field(default_factory=time.perf_counter)
    model: str = ""
    status: int = 0
    outcome: str = ""
    problem: str = ""
    first_token_at: float | None = None
    usage: Usage = field(default_factory=Usage)

    def account(self, usage: Usage) -> None:
        self.usage += usage


_current: ContextVar[Record | None] = ContextVar("record", default=None)


def current_record() -> Record:
    """The record of the request that is being answered; a fresh one, which nobody reads, outside of any."""
    return _current.get() or Record("", "", "", "")


def begin(record: Record) -> None:
    _current.set(record)


class _Tritons(Collector):
    """Which Tritons there are is known when the page is asked for: they come and go."""

    def __init__(self, states: Callable[[], Iterable[tuple[str, bool, int]]]) -> None:
        self._states = states

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("modelyard_gateway_triton_up", "Whether a Triton answers.", labels=("triton",))
        in_flight = GaugeMetricFamily(
            "modelyard_gateway_triton_requests_in_flight",
            "Requests of this gateway that a Triton is at.",
            labels=("triton",),
        )
        for triton, ready, requests in self._states():
            up.add_metric((triton,), float(ready))
            in_flight.add_metric((triton,), requests)
        yield up
        yield in_flight


class Telemetry:
    """The figures of one application, in a registry of its own."""

    def __init__(self, in_flight: Callable[[], float], *, queue_limit: int) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # processor time, memory and open files
        Info("modelyard_gateway", "This gateway.", registry=self.registry).info({"version": modelyard.__version__})
        labels = ("dialect", "model")
        self._requests = Counter(
            "modelyard_gateway_requests", "Requests answered.", (*labels, "status"), registry=self.registry
        )
        self._first_token = Histogram(
            "modelyard_gateway_first_token_seconds",
            "From the request to the first text.",
            labels,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._duration = Histogram(
            "modelyard_gateway_request_seconds",
            "From the request to its end.",
            labels,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._prompt_tokens = Counter("modelyard_gateway_prompt_tokens", "Tokens read.", labels, registry=self.registry)
        self._completion_tokens = Counter(
            "modelyard_gateway_completion_tokens", "Tokens written.", labels, registry=self.registry
        )
        self._cancelled = Counter(
            "modelyard_gateway_cancelled_requests", "Requests whose client went away.", labels, registry=self.registry
        )
        self._loads = Histogram(
            "modelyard_gateway_model_load_seconds",
            "From the order to load a model until it was in memory.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._unloads = Counter(
            "modelyard_gateway_model_unloads",
            "Models that left the memory: idle, memory (for another one), asked, or elsewhere (by somebody else).",
            ("model", "reason"),
            registry=self.registry,
        )
        self._loaded = Gauge(
            "modelyard_gateway_models_loaded", "Models in memory that this gateway uses.", registry=self.registry
        )
        gauge = Gauge("modelyard_gateway_requests_in_flight", "Answers in progress.", registry=self.registry)
        gauge.set_function(in_flight)
        limit = Gauge("modelyard_gateway_queue_limit", "Answers that may be in progress.", registry=self.registry)
        limit.set(queue_limit)
        self._load_failures = Counter(
            "modelyard_gateway_model_load_failures",
            "Loads of installed models that failed.",
            ("model",),
            registry=self.registry,
        )

    def watch_models(self, count: Callable[[], float]) -> None:
        """Where the number of loaded models is read when the page is asked for."""
        self._loaded.set_function(count)

    def watch_tritons(self, states: Callable[[], Iterable[tuple[str, bool, int]]]) -> None:
        """Where address, readiness and requests in progress of each Triton are read when the page is asked for."""
        self.registry.register(_Tritons(states))

    def model_loaded(self, model: str, seconds: float) -> None:
        self._loads.labels(model).observe(seconds)

    def model_failed(self, model: str) -> None:
        self._load_failures.labels(model).inc()

    def model_unloaded(self, model: str, reason: str) -> None:
        self._unloads.labels(model, reason).inc()

    def page(self) -> bytes:
        return generate_latest(self.registry)

    def end(self, record: Record) -> None:
        """Count a request and log its line."""
        now = time.perf_counter()
        labels = (record.dialect, record.model)
        if record.dialect:
            self._requests.labels(*labels, record.outcome or str(record.status)).inc()
            self._duration.labels(*labels).observe(now - record.started_at)
            if record.first_token_at is not None:
                self._first_token.labels(*labels).observe(record.first_token_at - record.started_at)
            if record.usage.prompt_tokens:
                self._prompt_tokens.labels(*labels).inc(record.usage.prompt_tokens)
            if record.usage.completion_tokens:
                self._completion_tokens.labels(*labels).inc(record.usage.completion_tokens)
            if record.outcome == "cancelled":
                self._cancelled.labels(*labels).inc()
        self._log(record, now)

    def _log(self, record: Record, now: float) -> None:
        fields: dict[str, object] = {
            "id": record.request_id,
            "method": record.method,
            "path": record.path,
            "status": record.status,
            "ms": round((now - record.started_at) * 1e3, 1),
        }
        if record.model:
            fields["model"] = record.model
        if record.first_token_at is not None:
            fields["first_token_ms"] = round((record.first_token_at - record.started_at) * 1e3, 1)
            fields["prompt_tokens"] = record.usage.prompt_tokens
            fields["completion_tokens"] = record.usage.completion_tokens
        if record.outcome:
            fields["outcome"] = record.outcome
        if record.problem:
            fields["problem"] = record.problem
        if not record.dialect and record.status == 503:
            # A probe of a service that is starting or stopping: the answer is the news, not a fault.
            log.debug("request", **fields)
        elif record.outcome == "broken" or record.status >= 500:
            log.error("request", **fields)
        elif record.dialect:
            log.info("request", **fields)
        else:
            log.debug("request", **fields)
