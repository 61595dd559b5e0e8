"""What is known of models in Ollama's words, and its requests as ours, without a server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.dialects.ollama.library import translate
from gateway.dialects.ollama.library.schemas import CreateRequest, PullRequest
from gateway.domain import library
from gateway.domain.library import InstalledModel, JobProgress, VariantRequest
from gateway.domain.ports import Resident, ServedModel
from modelyard.card import ModelCard

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
KNOWN = InstalledModel(
    "demo",
    ModelCard(context_length=2048, generation_defaults={"temperature": 0.5, "stop": ["x"], "max_new_tokens": 9}),
    size=100,
    digest="ab" * 32,
    modified=THEN,
    architecture="Qwen2ForCausalLM",
    parameters=494_032_768,
    precision="int4",
    target="triton-vllm",
    license="MIT",
    on_gpu=True,
)
DETAILS = {
    "parent_model": "",
    "format": "safetensors",
    "family": "qwen2",
    "families": ["qwen2"],
    "parameter_size": "494.03M",
    "quantization_level": "INT4",
}


def _create(**given: Any) -> VariantRequest:
    return translate.to_variant(CreateRequest.model_validate({"model": "new:latest", **given}))[0]


def test_a_variant() -> None:
    assert _create(**{"from": "demo:latest", "license": ["MIT", "BSD"], "system": "", "parameters": {"top_k": 0}}) == (
        VariantRequest("new", "demo", parameters={"top_k": -1}, license="MIT\n\nBSD")
    )


def test_a_modelfile_makes_the_same_variant_as_fields() -> None:
    text = (
        'FROM demo\nSYSTEM Sing.\nTEMPLATE "{{ messages }}"\nPARAMETER stop 1\nPARAMETER repeat_last_n 0\nLICENSE MIT'
    )
    fields = {"system": "Sing.", "template": "{{ messages }}", "license": "MIT"}
    made = _create(**{"from": "demo", "parameters": {"stop": ["1"], "repeat_last_n": 0}, **fields})
    assert _create(modelfile=text) == made
    assert made.parameters["repetition_penalty"] == 1.0


def test_a_pull() -> None:
    for field in ("model", "name"):
        wire = PullRequest.model_validate({field: "hf.co/org/model:latest"})
        assert translate.to_pull(wire) == library.PullRequest("hf.co/org/model")


def test_progress_has_the_file_and_its_bytes() -> None:
    assert translate.from_progress(JobProgress("converting")) == {"status": "converting"}
    assert translate.from_progress(JobProgress("fetching", "a.bin", 0, 10)) == {
        "status": "fetching a.bin",
        "digest": "a.bin",
        "completed": 0,
        "total": 10,
    }


def test_models_that_are_served() -> None:
    served = [ServedModel("demo"), ServedModel("demo:french"), ServedModel("far", 1_700_000_000), ServedModel("old")]
    listed = translate.from_served(served, {"demo": KNOWN})["models"]
    assert [each["name"] for each in listed] == ["demo:latest", "demo:french", "far:latest", "old:latest"]
    assert [each["size"] for each in listed] == [100, 100, 0, 0]
    assert listed[0]["modified_at"] == "2026-01-02T03:04:05Z"
    assert listed[0]["details"] == DETAILS
    assert listed[2]["modified_at"].startswith("2023-11-14")
    assert listed[3]["modified_at"].startswith("1970-01-01")


def test_models_in_memory() -> None:
    running = [Resident("demo", THEN, THEN + timedelta(minutes=5)), Resident("far", THEN, None, 7)]
    demo, far = translate.from_resident(running, {"demo": KNOWN})["models"]
    assert (demo["size"], demo["size_vram"], demo["context_length"]) == (100, 100, 2048)
    assert demo["expires_at"] == "2026-01-02T03:09:05Z"
    assert (far["size"], far["size_vram"], far["expires_at"]) == (7, 0, "9999-12-31T23:59:59Z")


def test_all_that_is_known_of_a_model() -> None:
    shown = translate.from_installed(KNOWN, {"tools", "completion"})
    assert shown["capabilities"] == ["completion", "tools"]
    assert shown["model_info"] == {
        "general.architecture": "qwen2",
        "general.basename": "demo",
        "general.parameter_count": 494_032_768,
        "qwen2.context_length": 2048,
    }
    assert [line.split() for line in shown["parameters"].splitlines()] == [
        ["temperature", "0.5"],
        ["num_predict", "9"],
        ["stop", '"x"'],
    ]
    assert (shown["license"], shown["details"]) == ("MIT", DETAILS)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(999, "999"), (4_790_528, "4.79M"), (7_615_616_512, "7.6B"), (1_500, "1.50K"), (2 * 10**12, "2.0T")],
)
def test_parameters_are_counted_as_ollama_does(number: int, shown: str) -> None:
    assert translate.counted(number) == shown
