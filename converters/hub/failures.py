"""What can go wrong with the hub, in words: the library's errors become ours here and nowhere else.

Knows huggingface_hub's and httpx's errors. Repeats no address that a server named, since such a one can be signed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from modelyard.errors import SourceUnavailable

Kind = Literal["gated", "refused", "damaged", "busy", "unreachable", "foreign", "no_revision", "no_file", "no_model"]
# The one that the user should hear of first, where several endpoints failed in different ways.
_WEIGHT: tuple[Kind, ...] = (
    "gated",
    "refused",
    "damaged",
    "no_file",
    "no_revision",
    "busy",
    "unreachable",
    "foreign",
    "no_model",
)
_AWAY: frozenset[Kind] = frozenset({"busy", "unreachable", "foreign"})
T = TypeVar("T")


class EndpointFailure(Exception):
    """One endpoint could not give what was asked for; another one may."""

    def __init__(self, kind: Kind, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.hint = hint

    def as_error(self) -> SourceUnavailable:
        return SourceUnavailable(self.sentence, hint=self.hint)


class AllFailed(Exception):
    """No endpoint could give what was asked for."""

    def __init__(self, failures: Sequence[tuple[str, EndpointFailure]]) -> None:
        super().__init__("; ".join(f"{endpoint}: {failure}" for endpoint, failure in failures))
        self.failures = tuple(failures)

    @property
    def hub_is_away(self) -> bool:
        """Whether one that may have it did not answer and none refused, so that the cache may stand in."""
        kinds = {failure.kind for _, failure in self.failures}
        return bool(kinds & _AWAY) and kinds <= _AWAY | {"no_model"}

    @property
    def foremost(self) -> EndpointFailure:
        return min((failure for _, failure in self.failures), key=lambda failure: _WEIGHT.index(failure.kind))

    def as_error(self) -> SourceUnavailable:
        """For the user: the foremost failure, and in brackets what the other endpoints said."""
        foremost = self.foremost
        others = [f"{endpoint}: {failure}" for endpoint, failure in self.failures if failure is not foremost]
        also = f" (also tried {'; '.join(others)})" if others else ""
        return SourceUnavailable(f"{foremost.sentence}{also}", hint=foremost.hint)


def first_that_answers(endpoints: Sequence[str], ask: Callable[[str], T]) -> T:
    """What `ask` gives of the first endpoint that has it. Raises AllFailed."""
    failures: list[tuple[str, EndpointFailure]] = []
    for endpoint in endpoints:
        try:
            return ask(endpoint)
        except EndpointFailure as failure:
            failures.append((endpoint, failure))
    raise AllFailed(failures) from failures[-1][1]


def across(endpoints: Sequence[str], ask: Callable[[str], T]) -> T:
    """What `ask` gives of the first endpoint that has it. Raises SourceUnavailable."""
    try:
        return first_that_answers(endpoints, ask)
    except AllFailed as failed:
        raise failed.as_error() from failed


def understood(error: Exception, endpoint: str, model: str, *, wanted: str = "") -> EndpointFailure | None:
    """An error of a library as a failure of the endpoint; None when it is none. `wanted` is a file or a revision."""
    import httpx
    from huggingface_hub import errors

    if isinstance(error, errors.HfHubHTTPError):
        return _of_status(error, endpoint, model, wanted)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return EndpointFailure(
            "unreachable",
            f"the hub cannot be reached at {endpoint} ({_first_line(error)})",
            hint="check the network or HF_ENDPOINT, or give a folder",
        )
    if isinstance(error, httpx.TransportError):
        what = "does not answer" if isinstance(error, httpx.TimeoutException) else "breaks the connection"
        return EndpointFailure(
            "unreachable",
            f"the hub at {endpoint} {what} ({type(error).__name__})",
            hint="the same command goes on where it stopped",
        )
    answers_otherwise = (
        httpx.HTTPError,
        httpx.InvalidURL,
        json.JSONDecodeError,
        errors.LocalEntryNotFoundError,
        errors.FileMetadataError,
    )
    if isinstance(error, answers_otherwise):
        return foreign(endpoint)
    return None


def foreign(endpoint: str) -> EndpointFailure:
    return EndpointFailure(
        "foreign",
        f"what is at {endpoint} does not answer as a hub does",
        hint="check HF_ENDPOINT, and whether a proxy or a sign-in page stands between",
    )


def _of_status(error: Exception, endpoint: str, model: str, wanted: str) -> EndpointFailure:
    from huggingface_hub import errors

    assert isinstance(error, errors.HfHubHTTPError)  # noqa: S101  # for the type checker
    status = error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return EndpointFailure(
            "gated",
            f"the licence of {model} must be accepted before it can be downloaded",
            hint=f"accept it on the model's page at {endpoint}/{model}, then set HF_TOKEN to a token of that account",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return EndpointFailure(
            "no_revision",
            f"the model '{model}' has no revision '{wanted}'",
            hint=f"see its branches and tags at {endpoint}/{model}/tree/main",
        )
    if isinstance(error, errors.EntryNotFoundError):
        return no_file(model, wanted)
    if isinstance(error, errors.RepositoryNotFoundError):
        return EndpointFailure(
            "no_model",
            f"there is no folder '{model}' here, and the hub has no such model, or it is private",
            hint="check the name (modelyard search finds models), or set HF_TOKEN for a private model",
        )
    if status in (401, 403) or isinstance(error, errors.DisabledRepoError):
        return _refusal(status, endpoint, model)
    if status == 404:
        return EndpointFailure("no_model", f"the hub at {endpoint} has no model '{model}'", hint="check the name")
    if status in (408, 429) or status >= 500:
        return EndpointFailure(
            "busy",
            f"the hub at {endpoint} is not able to answer now (HTTP {status})",
            hint="try again later; the same command goes on where it stopped",
        )
    return foreign(endpoint)


def _refusal(status: int, endpoint: str, model: str) -> EndpointFailure:
    if status == 401:
        return EndpointFailure(
            "refused",
            f"the hub at {endpoint} does not accept the token that was sent for {model}, or wants one",
            hint="set HF_TOKEN to a valid token, or remove an old one: unset HF_TOKEN and 'hf auth logout'",
        )
    return EndpointFailure(
        "refused",
        f"the hub at {endpoint} does not let this account read {model}",
        hint=f"ask for access at {endpoint}/{model}, and set HF_TOKEN to a token that may read it",
    )


def no_file(model: str, file: str) -> EndpointFailure:
    return EndpointFailure(
        "no_file", f"the model '{model}' has no file '{file}'", hint="check the name and the revision"
    )


def damaged(model: str, file: str, endpoint: str) -> EndpointFailure:
    return EndpointFailure(
        "damaged",
        f"{file} of {model} came twice from {endpoint} with bytes that are not those the hub names (wrong checksum)",
        hint="nothing of it was kept; try again, or use another endpoint",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
