"""What is known of models to Ollama's words, and its Modelfiles to our variants. Pure: no HTTP, no clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from pydantic import ValidationError

from gateway.dialects.ollama.generation.go_to_jinja import to_jinja
from gateway.dialects.ollama.generation.options import to_sampling
from gateway.dialects.ollama.library import modelfile
from gateway.dialects.ollama.library.schemas import CreateRequest, Parameters, PullRequest
from gateway.dialects.ollama.names import plain, tagged
from gateway.domain import library
from gateway.domain.library import InstalledModel, JobProgress, VariantRequest
from gateway.domain.ports import Resident, ServedModel
from modelyard.card import ModelCard
from modelyard.errors import InvalidInput

_FOR_EVER = "9999-12-31T23:59:59Z"
_EPOCH = "1970-01-01T00:00:00Z"
_FORMATS = {"triton-llamacpp": "gguf", "triton-vllm": "safetensors", "triton-diffusers": "safetensors"}
_SIZES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))

# What a generation_config.json has, in Ollama's options.
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repeat_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_new_tokens": "num_predict",
    "seed": "seed",
    "stop": "stop",
}


def to_pull(wire: PullRequest) -> library.PullRequest:
    return library.PullRequest(plain(wire.called))


def to_variant(wire: CreateRequest) -> tuple[VariantRequest, Parameters | None]:
    """The variant, and its parameters as they were written, whose context the base must have.

    Raises InvalidInput and FieldRefused.
    """
    written = _written(wire)
    template_field = "modelfile TEMPLATE" if wire.modelfile else "template"
    parameters = _parameters(written.parameters) if written.parameters else None
    request = VariantRequest(
        plain(wire.called),
        plain(written.base or ""),
        system=written.system,
        template=to_jinja(written.template, field=template_field) if written.template else None,
        parameters=_defaults(parameters),
        license="\n\n".join(written.licenses) or None,
    )
    return request, parameters


def _parameters(written: Mapping[str, Any]) -> Parameters:
    try:
        return Parameters.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name, why = first["loc"][0], first["msg"]
        raise InvalidInput(
            f"'parameters.{name}' is not valid: {why[:1].lower()}{why[1:]}", field=f"parameters.{name}"
        ) from None


def _written(wire: CreateRequest) -> modelfile.Modelfile:
    if wire.modelfile:
        return modelfile.parse(wire.modelfile)
    licenses = [wire.license] if isinstance(wire.license, str) else wire.license or []
    parameters = wire.parameters.model_dump(exclude_unset=True) if wire.parameters is not None else {}
    return modelfile.Modelfile(wire.from_, wire.system or None, wire.template or None, list(licenses), parameters)


def _defaults(parameters: Parameters | None) -> dict[str, Any]:
    """By our names of Sampling."""
    given = {name: value for name, value in asdict(to_sampling(parameters)).items() if value is not None}
    if "stop" in given:
        given["stop"] = list(given["stop"])
    return given


def from_progress(event: JobProgress) -> dict[str, Any]:
    """`digest` tells the bars of a client's progress apart, so it is the file's name."""
    line: dict[str, Any] = {"status": f"{event.step} {event.file}" if event.file else event.step}
    if event.file:
        line["digest"] = event.file
    if event.total is not None:
        line["total"] = event.total
    if event.done is not None:
        line["completed"] = event.done
    return line


def from_served(served: Sequence[ServedModel], installed: Mapping[str, InstalledModel]) -> dict[str, Any]:
    """The list of models; of one that is on another host only the name and the time are known."""
    models = []
    for each in served:
        known = installed.get(each.name.partition(":")[0])
        modified = known.modified if known is not None else None
        if modified is None and each.created:
            modified = datetime.fromtimestamp(each.created, timezone.utc)
        models.append(
            {
                "name": tagged(each.name),
                "model": tagged(each.name),
                "modified_at": _time(modified),
                "size": known.size if known is not None else 0,
                "digest": known.digest if known is not None else "",
                "details": from_details(known),
            }
        )
    return {"models": models}


def from_resident(residents: Sequence[Resident], installed: Mapping[str, InstalledModel]) -> dict[str, Any]:
    models = []
    for each in residents:
        known = installed.get(each.name)
        size = each.size if each.size is not None else known.size if known is not None else 0
        running: dict[str, Any] = {
            "name": tagged(each.name),
            "model": tagged(each.name),
            "size": size,
            "digest": known.digest if known is not None else "",
            "details": from_details(known),
            "expires_at": _FOR_EVER if each.expires is None else _time(each.expires),
            "size_vram": size if known is not None and known.on_gpu else 0,
        }
        if known is not None and known.card.context_length is not None:
            running["context_length"] = known.card.context_length
        models.append(running)
    return {"models": models}


def from_installed(model: InstalledModel, capabilities: Collection[str]) -> dict[str, Any]:
    """All that /api/show tells."""
    card = model.card
    parameters = to_options(card)
    system = model.system or ""
    family = family_of(model.architecture) or "model"
    info: dict[str, Any] = {"general.architecture": family, "general.basename": model.name}
    if model.parameters is not None:
        info["general.parameter_count"] = model.parameters
    if card.context_length is not None:
        info[f"{family}.context_length"] = card.context_length
    return {
        "modelfile": modelfile.write(
            model.name, template=card.chat_template, system=system, parameters=parameters, license=model.license
        ),
        "parameters": "\n".join(modelfile.parameter_lines(parameters)),
        "template": card.chat_template or "",
        "system": system,
        "license": model.license or "",
        "details": from_details(model),
        "model_info": info,
        "capabilities": sorted(capabilities),
        "modified_at": _time(model.modified),
    }


def to_options(card: ModelCard) -> dict[str, Any]:
    """The model's own sampling in Ollama's options."""
    given = card.generation_defaults
    return {option: given[name] for name, option in _OPTIONS.items() if given.get(name) is not None}


def from_details(model: InstalledModel | None) -> dict[str, Any]:
    family = family_of(model.architecture) if model is not None else ""
    return {
        "parent_model": (model.source or "") if model is not None else "",
        "format": _FORMATS.get(model.target, "openvino") if model is not None and model.target else "",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": counted(model.parameters) if model is not None and model.parameters else "",
        "quantization_level": (model.precision or "").upper() if model is not None else "",
    }


def family_of(architecture: str | None) -> str:
    """Qwen2ForCausalLM is of the family qwen2."""
    return re.sub(r"(For[A-Z]\w*|Model|LMHeadModel)$", "", architecture or "").lower()


def counted(number: int) -> str:
    """7615616512 as 7.6B, as Ollama writes it: two digits after the point for millions."""
    for size, letter in _SIZES:
        if number >= size:
            figure = number / size
            return f"{figure:.2f}{letter}" if letter in "MK" else f"{figure:.1f}{letter}"
    return str(number)


def _time(moment: datetime | None) -> str:
    return _EPOCH if moment is None else moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
