"""What can go wrong with one request, in Triton's own codes.

Knows sentences and the names of codes; Triton's classes are handed in.
"""

from __future__ import annotations

from typing import Any, Literal

Code = Literal["INVALID_ARG", "UNAVAILABLE", "INTERNAL", "CANCELLED"]


class RequestFailed(Exception):
    """One request cannot be answered, or not to its end; its neighbours are not concerned."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Refused(RequestFailed):
    """What the caller sent is wrong or cannot be honoured."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_ARG", message)


def unloading() -> RequestFailed:
    return RequestFailed("UNAVAILABLE", "the model is being unloaded")


def cancelled() -> RequestFailed:
    return RequestFailed("CANCELLED", "the request was cancelled")


def error_response(pb_utils: Any, failure: RequestFailed) -> Any:
    """A response of Triton's that is an error; `pb_utils` is Triton's module of that name.

    The code stands in the text as well: inside a stream Triton hands on the text alone.
    """
    return pb_utils.InferenceResponse(
        error=pb_utils.TritonError(f"[{failure.code}] {failure}", getattr(pb_utils.TritonError, failure.code))
    )
