"""What all of OpenAI's answers share: how an error and a usage look.

Types only; the bodies of each path are beside its routes.
"""

from __future__ import annotations

from pydantic import BaseModel

MAX_INT = 2**31 - 1


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    error: ErrorDetail
