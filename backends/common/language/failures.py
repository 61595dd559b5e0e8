"""What can go wrong with a request to a language model.

Knows sentences; does not know how Triton carries them.
"""

from __future__ import annotations

from ..failures import Refused, RequestFailed


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
