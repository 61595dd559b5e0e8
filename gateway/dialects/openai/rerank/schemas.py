"""Cohere's and Jina's words for ranking documents. Types and ranges only; unknown fields are refused by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.dialects.openai.wire import NO_EFFECT, Wire
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty
from modelyard.errors import InvalidInput

MAX_DOCUMENTS = 2048  # MAX_TEXTS of the backends
_MAX_INT = 2**31 - 1
_CUT = "a document is cut where the model's own context ends, and nowhere else"

REFUSED = {
    "max_tokens_per_doc": Refusal(_CUT),
    "max_chunks_per_doc": Refusal(_CUT),
    "rank_fields": Refusal("a document is ranked by its text", (None, [], ["text"])),
    "return_embeddings": Refusal("a ranking model makes no embeddings", (None, False)),
    "truncation": Refusal(_CUT, (None, True)),
}


class Document(Wire):
    # Whatever else a document has is the caller's own, and Cohere's clients send it along.
    model_config = ConfigDict(extra="ignore")

    text: NonEmpty


class RerankRequest(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    query: NonEmpty
    documents: Annotated[list[NonEmpty | Document], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: int | None = Field(None, ge=1, le=_MAX_INT, description="Answer with so many of the best; unset is all.")
    return_documents: bool | None = Field(None, description="Answer with the texts too.")
    priority: int | None = Field(None, ge=0, le=999, description=NO_EFFECT)
    client_name: str | None = Field(None, description=NO_EFFECT)

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        given = without_refused(given, REFUSED)
        documents = given.get("documents") if isinstance(given, dict) else None
        for place, each in enumerate(documents if isinstance(documents, list) else ()):
            # A union would complain of each of its members.
            if isinstance(each, dict) and not (isinstance(each.get("text"), str) and each["text"]):
                raise InvalidInput(
                    f"'documents[{place}].text' must be a text that is not empty", field=f"documents[{place}].text"
                )
        return given


class RankedDocument(BaseModel):
    text: str


class Ranked(BaseModel):
    index: int
    relevance_score: float
    document: RankedDocument | None = None


class RerankUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class RerankTokens(BaseModel):
    input_tokens: int


class RerankMeta(BaseModel):
    tokens: RerankTokens


class RerankAnswer(BaseModel):
    id: str
    object: Literal["list"] = "list"
    model: str
    results: list[Ranked]
    usage: RerankUsage
    meta: RerankMeta
