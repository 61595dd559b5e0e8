"""Bodies of multipart/form-data as the same plain objects that JSON bodies are.

Knows how clients write lists and objects into the names of fields; knows no dialect's words.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Any, TypeVar, get_args, get_origin

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from gateway.dialects.bodies import read_json, refuse_compressed
from modelyard.errors import InvalidInput

_NAME = re.compile(r"(\w+)(?:\[(\w*)\])?")  # as clients write `include[]` and `svg[model]`
_MAX_PARTS = 256
_MAX_TEXT = 2**20  # bytes of a field that is no file
_DATA_URL = re.compile(r"data:[\w.+/-]*(?:;[\w=-]+)*;base64,", re.ASCII)

Body = TypeVar("Body", bound=BaseModel)


class Form(BaseModel):
    """A body that comes as a form, where every value is text, or as JSON. Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def _as_file(value: Any) -> bytes:
    """The bytes of a file; in JSON it is base64, alone or as a data URL."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("it must be a file")
    text = value[found.end() :] if (found := _DATA_URL.match(value)) else value
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it must be a file, or base64 of one") from None


File = Annotated[bytes, BeforeValidator(_as_file), WithJsonSchema({"type": "string", "format": "binary"})]


def form_body(form: type[Form]) -> dict[str, Any]:
    """What the OpenAPI page says of such a body, for `openapi_extra`."""
    schema = form.model_json_schema()
    media_types = ("multipart/form-data", "application/json")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in media_types}}}


async def read_form(request: Request, form: type[Body]) -> Body:
    """The body. Raises InvalidInput, RequestValidationError as FastAPI would, and HTTPException for another type."""
    refuse_compressed(request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        given = await _of_multipart(request, form)
    elif kind == "application/json":
        try:
            given = read_json(await request.body())
        except json.JSONDecodeError as error:
            raise InvalidInput(f"the body is not valid JSON: {error.msg}") from None
        if not isinstance(given, dict):
            raise InvalidInput("the body must be a JSON object")
    else:
        raise HTTPException(415, "send the body as multipart/form-data")
    try:
        return form.model_validate(given)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(found) from None


async def _of_multipart(request: Request, form: type[BaseModel]) -> dict[str, Any]:
    try:
        fields = await request.form(max_files=_MAX_PARTS, max_fields=_MAX_PARTS, max_part_size=_MAX_TEXT)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InvalidInput(f"the body cannot be read as a form: {str(error.detail).rstrip('.').lower()}") from None
    try:
        parts = [(name, await _content(value)) for name, value in fields.multi_items()]
    finally:
        await fields.close()
    return _as_object(parts, form)


async def _content(value: UploadFile | str) -> bytes | str:
    return await value.read() if isinstance(value, UploadFile) else value


def _as_object(parts: list[tuple[str, bytes | str]], form: type[BaseModel]) -> dict[str, Any]:
    """The fields by name. What is left empty and need not be there was not sent."""
    found: dict[str, Any] = {}
    for written, value in parts:
        match = _NAME.fullmatch(written)
        name, inner = (match[1], match[2]) if match else (written, None)
        known = form.model_fields.get(name)
        if value == "" and known is not None and not known.is_required():
            continue
        if inner:
            into = found.setdefault(name, {})
            if isinstance(into, dict):
                into[inner] = value
        elif inner == "" or _is_list(known):
            into = found.setdefault(name, [])
            if isinstance(into, list):
                into.append(value)
        elif name in found:
            raise InvalidInput(f"'{name}' is there twice", field=name)
        else:
            found[name] = value
    return found


def _is_list(field: FieldInfo | None) -> bool:
    if field is None:
        return False
    return any(get_origin(each) is list for each in (field.annotation, *get_args(field.annotation)))
