"""`/v1/models`: the models that may be asked for, in OpenAI's form.

Knows paths and the form; what keeps the list is handed in.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.dialects.openai.wire import failures
from gateway.domain.ports import Catalog, ServedModel


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "modelyard"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


def from_model(model: ServedModel) -> Model:
    return Model(id=model.name, created=model.created)


def add_models(router: APIRouter, catalog: Catalog) -> None:
    @router.get("/models", summary="The models that are installed", responses=failures())
    async def models() -> ModelList:
        return ModelList(data=[from_model(each) for each in await catalog.served()])

    # `path`, so that a name with a slash in it is a name.
    @router.get("/models/{model:path}", summary="One model", responses=failures())
    async def model(model: str) -> Model:
        return from_model(await catalog.find(model))
