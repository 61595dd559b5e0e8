"""A tiny checkpoint of every family of language models, converted, and served by the real Triton.

What Triton answers is what transformers answers with the original.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from converters.no_random_weights import no_random_weights
from converters.safetensors_header import read_safetensors
from modelyard import errors
from modelyard.manifest import Fidelity
from tests.backends.triton_client import Client
from tests.converters.checkpoints import FAMILIES, edit_json, write_checkpoint
from tests.converters.conftest import carry_out, plan_for
from tests.converters.originals import greedy_text
from tests.serving import serving

PROMPT = "The harbour was quiet before dawn, and"
TOKENS = 16


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("families") / "repository"
    made.mkdir()
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(repository: Path) -> AsyncIterator[Client]:
    async with serving(repository) as connected:
        yield connected


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("family", FAMILIES)
async def test_a_family_is_served_as_the_original(
    family: str, client: Client, repository: Path, tmp_path: Path
) -> None:
    folder = write_checkpoint(tmp_path / family, family, **FAMILIES[family])
    made = carry_out(folder, repository, name=family, precision="fp16").manifest
    assert (made.task, made.target) == ("text-generation", "triton-openvino")
    assert isinstance(made.fidelity, Fidelity)
    assert made.fidelity.agreement >= 0.99
    assert made.fidelity.tokenizer_agrees

    await client.load(family)
    answer = await client.ask(PROMPT, family, temperature=0, max_tokens=TOKENS, ignore_eos=True)
    assert answer.text == greedy_text(folder, PROMPT, TOKENS)
    await client.unload(family)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_output_that_is_tied_to_the_words_is_not_missing(family: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = write_checkpoint(tmp_path / family, family, **FAMILIES[family], tie_word_embeddings=True)
    stored = read_safetensors(folder / "model.safetensors")
    assert not [name for name in stored if name.startswith(("lm_head", "embed_out"))]
    with no_random_weights(folder):
        model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("family", ["mamba", "falcon_mamba", "zamba2"])
def test_a_family_that_the_engine_cannot_run_is_refused_with_another_way(
    family: str, tmp_path: Path, repository: Path
) -> None:
    folder = write_checkpoint(tmp_path / family)
    edit_json(folder / "config.json", model_type=family, architectures=["OwnForCausalLM"])
    with pytest.raises(errors.UnknownArchitecture) as refused:
        plan_for(folder, repository)
    assert "cannot run" in refused.value.hint
    assert "llama.cpp" in refused.value.hint
    assert "triton-vllm" in refused.value.hint
