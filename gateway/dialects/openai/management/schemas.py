"""The bodies of managing models: what is to be fetched, a job, its progress. Types only; unknown fields are refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.openai.schemas import ErrorDetail
from gateway.dialects.openai.wire import Wire
from gateway.dialects.text import NonEmpty
from modelyard.errors import FieldRefused, InvalidInput

Precision = Literal["int4", "int4-cw", "int4-awq", "int8", "fp16", "nf4", "mxfp4"]
Target = Literal["auto", "triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]


class PullBody(Wire):
    source: NonEmpty | None = Field(None, description="A model of the hub: org/model, hf.co/org/model:Q4_K_M.")
    model: NonEmpty | None = Field(None, description="Another name of source.")
    name: NonEmpty | None = Field(None, description="Name of the model here; the last part of the source when unset.")
    precision: Precision | None = Field(None, description="Precision of the weights; chosen by size when unset.")
    target: Target | None = Field(None, description="What will serve it; chosen from the files when unset.")
    task: NonEmpty | None = Field(None, description="What the model is for; read from its files when unset.")
    revision: NonEmpty | None = Field(None, description="Branch, tag or commit on the hub; its main branch when unset.")
    stream: bool | None = Field(None, description="Answer with the job's progress as server-sent events.")

    @model_validator(mode="after")
    def _one_source(self) -> PullBody:
        if self.source is None and self.model is None:
            raise InvalidInput("'source' is missing", field="source")
        if self.model is not None and self.source not in (None, self.model):
            raise FieldRefused("model", "source says otherwise")
        return self


class JobBody(BaseModel):
    id: str
    object: Literal["job"] = "job"
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    source: str
    model: str = Field(description="Name of the model that it makes.")
    created_at: int = Field(description="Seconds since 1970, as all times.")
    ended_at: int | None
    step: str = Field(description="What it does now, in words.")
    completed: int = Field(description="Bytes that are here, of the files that are fetched.")
    total: int = Field(description="Bytes of all files of which the first byte was asked for.")
    error: ErrorDetail | None = Field(description="Why it failed, in the form of OpenAI's errors.")


class JobList(BaseModel):
    object: Literal["list"] = "list"
    data: list[JobBody]


class Deleted(BaseModel):
    id: str
    object: Literal["model"] = "model"
    deleted: Literal[True] = True
