"""What can go wrong with one request, in Triton's own codes.

Knows sentences and the names of codes; does not know how Triton carries them.
"""

from __future__ import annotations

from typing import Literal

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


def prompt_too_long(tokens: int, context: int) -> Refused:
    return Refused(f"the prompt has {tokens} tokens, the model's context is {context}")


def too_many_waiting(limit: int) -> RequestFailed:
    return RequestFailed("UNAVAILABLE", f"{limit} requests are waiting already; try again shortly")


def out_of_memory() -> RequestFailed:
    return RequestFailed(
        "UNAVAILABLE",
        "the cache has no room for this request; send a shorter prompt, ask for fewer tokens, or raise CACHE_SIZE_GB",
    )


def engine_broken(why: str) -> RequestFailed:
    # Not INTERNAL: the engine is started again, so it is worth another try.
    return RequestFailed("UNAVAILABLE", f"the engine failed: {why}")


def engine_restarting(why: str) -> RequestFailed:
    return RequestFailed("UNAVAILABLE", f"the engine is being restarted after a failure: {why}")


def unloading() -> RequestFailed:
    return RequestFailed("UNAVAILABLE", "the model is being unloaded")


def cancelled() -> RequestFailed:
    return RequestFailed("CANCELLED", "the request was cancelled")
