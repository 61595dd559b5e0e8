"""LoRA adapters: named variants of one model, each answering as the original with that adapter merged into it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from converters.adapters import read_adapter
from modelyard import errors
from modelyard.entry import entry_at
from modelyard.manifest import read_manifest
from tests.backends.triton_client import RequestFailed
from tests.converters.checkpoints import write_adapter
from tests.converters.conftest import carry_out, plan_for
from tests.converters.originals import greedy_text, merged
from tests.serving import serving

PROMPT = "The harbour was quiet before dawn, and"


@pytest.fixture(scope="module")
def adapters(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "formal": write_adapter(folder / "formal", checkpoint, seed=1, alpha=16),
        "casual": write_adapter(folder / "casual", checkpoint, seed=2, alpha=4, rank_stabilized=True),
    }


@pytest.mark.asyncio(loop_scope="session")
async def test_every_variant_answers_as_the_merged_original(
    checkpoint: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    carry_out(checkpoint, repository, name="model", precision="fp16", adapters=adapters)
    manifest = read_manifest(entry_at(repository, "model"))
    assert manifest is not None
    assert manifest.adapters == ("formal", "casual")
    wanted = {None: greedy_text(checkpoint, PROMPT, 12)}
    for name, place in adapters.items():
        wanted[name] = greedy_text(merged(checkpoint, place, tmp_path / name), PROMPT, 12)
    assert len(set(wanted.values())) == 3

    async with serving(repository) as client:
        await client.load("model")

        async def ask(name: str | None) -> str:
            answer = await client.ask(
                PROMPT, "model", temperature=0, max_tokens=12, ignore_eos=True, **({"lora_name": name} if name else {})
            )
            return answer.text

        # All at once: they take turns, and nobody gets another's weights.
        names = [None, "formal", "casual"] * 4
        answers = await asyncio.gather(*map(ask, names))
        assert answers == [wanted[name] for name in names]
        held: dict[str, Any] = {"structured_outputs": {"choice": ["quiet"]}, "max_tokens": 12}
        assert (await client.ask(PROMPT, "model", lora_name="formal", **held)).text == "quiet"
        with pytest.raises(RequestFailed, match=r"\[INVALID_ARG\].*one of this model's adapters \(casual, formal\)"):
            await ask("absent")


def test_an_adapter_that_is_none_is_named(checkpoint: Path, adapters: dict[str, Path], tmp_path: Path) -> None:
    truncated = Path(shutil.copytree(adapters["formal"], tmp_path / "truncated"))
    weights = truncated / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    another_kind = Path(shutil.copytree(adapters["formal"], tmp_path / "another"))
    (another_kind / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(errors.ConversionRefused) as refused:
        plan_for(
            checkpoint,
            tmp_path / "repository",
            adapters={"one": truncated, "two": another_kind, "three": empty, "four": checkpoint / "model.safetensors"},
        )
    assert all(isinstance(reason, errors.BadAdapter) for reason in refused.value.reasons)
    for words in ("header promises", "kind IA3", "there is no adapter_model", "no LoRA matrices"):
        assert words in str(refused.value)


def test_the_scale_is_that_of_the_training(adapters: dict[str, Path]) -> None:
    assert read_adapter(adapters["formal"]).scale == 16 / 4
    assert read_adapter(adapters["casual"]).scale == 4 / 2
    assert read_adapter(adapters["formal"]).modules == {"q_proj", "v_proj", "down_proj"}
