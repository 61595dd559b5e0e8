"""Ollama's bodies about models, as its API reference has them.

Types and ranges only. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.ollama.generation.options import Options
from gateway.dialects.ollama.wire import Wire
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused, InvalidInput

_OWNER = "credentials of a hub are the gateway's own settings and do not come with a request"
PULL_REFUSED = {
    "insecure": Refusal("models are fetched over checked connections only", (None, False)),
    "username": Refusal(_OWNER, (None, "")),
    "password": Refusal(_OWNER, (None, "")),
}
CREATE_REFUSED = {
    "messages": Refusal("a model keeps no messages; send them with each request", (None, [])),
    "quantize": Refusal("the precision is chosen when a model is pulled or converted", (None, "")),
    "quantization": Refusal("the precision is chosen when a model is pulled or converted", (None, "")),
    "adapters": Refusal(
        "adapters are added by 'modelyard convert --adapter' and asked for as model:adapter", (None, {})
    ),
    "files": Refusal("weights are not uploaded; use 'modelyard convert' where they are", (None, {})),
    "path": Refusal("files of the gateway's host are not read for a client; send the Modelfile's text", (None, "")),
}
SHOW_REFUSED = {
    "system": Refusal("a model is shown as it is", (None, "")),
    "template": Refusal("a model is shown as it is", (None, "")),
    "options": Refusal("a model is shown as it is", (None, {})),
}


class _Named(Wire):
    """`name` is the older name of `model`."""

    model: Text | None = Field(None, description="':latest' may follow the name.")
    name: Text | None = Field(None, description="The older name of model.")

    @model_validator(mode="after")
    def _one_name(self) -> _Named:
        if not self.model and not self.name:
            raise InvalidInput("'model' is missing", field="model")
        if self.model and self.name and self.model != self.name:
            raise FieldRefused("name", "model says otherwise")
        return self

    @property
    def called(self) -> str:
        return self.model or self.name or ""


class ShowRequest(_Named):
    verbose: bool | None = Field(None, description="All that is known is shown anyway.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, SHOW_REFUSED)


class DeleteRequest(_Named):
    pass


class CopyRequest(Wire):
    source: NonEmpty
    destination: NonEmpty


class _Streamed(_Named):
    stream: bool | None = Field(None, description="Tell how far it is, line by line; unset is true.")

    @property
    def streams(self) -> bool:
        return self.stream is not False


class PullRequest(_Streamed):
    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, PULL_REFUSED)


class Parameters(Options):
    WHERE: ClassVar[str] = "parameters"


class CreateRequest(_Streamed):
    from_: NonEmpty | None = Field(None, alias="from", description="The model that it is made of.")
    system: Text | None = Field(None, description="The system message of conversations that have none.")
    template: Text | None = Field(None, description="Its chat template: Jinja, or plain Go.")
    parameters: Parameters | None = Field(None, description="Options that hold where a request says nothing.")
    license: Text | list[Text] | None = None
    modelfile: Text | None = Field(None, description="The older form: the text of a Modelfile, in place of the others.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, CREATE_REFUSED)

    @model_validator(mode="after")
    def _one_form(self) -> CreateRequest:
        if not self.modelfile and self.from_ is None:
            raise InvalidInput("'from' is missing", field="from")
        for name in ("from_", "system", "template", "parameters", "license"):
            if self.modelfile and getattr(self, name):
                raise FieldRefused(name.rstrip("_"), "modelfile says what the model is made of")
        return self


class Details(BaseModel):
    """What is not known is empty."""

    parent_model: str
    format: str
    family: str
    families: list[str]
    parameter_size: str
    quantization_level: str


class Listed(BaseModel):
    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: Details


class ListResponse(BaseModel):
    models: list[Listed]


class Running(BaseModel):
    name: str
    model: str
    size: int
    digest: str
    details: Details
    expires_at: str
    size_vram: int
    context_length: int | None = None


class ProcessResponse(BaseModel):
    models: list[Running]


class ShowResponse(BaseModel):
    modelfile: str
    parameters: str
    template: str
    system: str
    license: str
    details: Details
    model_info: dict[str, Any]
    capabilities: list[str]
    modified_at: str


class ProgressResponse(BaseModel):
    status: str | Literal["success"]
    digest: str | None = None
    total: int | None = None
    completed: int | None = None


class VersionResponse(BaseModel):
    """`version` is the one of Ollama whose API this is, which clients compare; `modelyard` is ours."""

    version: str
    modelyard: str
