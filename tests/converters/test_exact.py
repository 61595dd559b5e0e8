"""A model whose weights lie in 16 bits computes what it computes with all of them in 32, to the last digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from converters import exact
from converters.glance import glance
from modelyard.settings import Settings

FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2": {},
    "llama": {"tie_word_embeddings": True},
    "gemma3_text": {"head_dim": 16},  # scales its embedding
    "mixtral": {"num_local_experts": 4},  # experts in one tensor
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4},  # layers of a class of its own
    "phi3": {},
}
FIGURES = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", FAMILIES)
def test_equals_the_model_in_32_bits(family: str, kind: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_BLOCK", 1000)  # so that these small weights are cut too
    torch.manual_seed(3)
    config = AutoConfig.for_model(family, **(FIGURES | FAMILIES[family]))
    stored = AutoModelForCausalLM.from_config(config, dtype=kind).eval()
    wide = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    wide.load_state_dict({name: weight.float() for name, weight in stored.state_dict().items()})
    tokens = torch.arange(3, 40)[None]

    exact.compute_in_32_bits(stored, lambda: None)
    with torch.inference_mode():
        found, expected = (model(tokens, use_cache=False).logits for model in (stored, wide))
    assert found.dtype is torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    with torch.inference_mode():  # nothing is used up by the first time
        torch.testing.assert_close(stored(tokens, use_cache=False).logits, found)


def test_pages_are_let_go_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_LET_GO_EVERY", 10_000)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("qwen2", **FIGURES), dtype=torch.bfloat16)
    times: list[int] = []
    exact.compute_in_32_bits(model, lambda: times.append(1))
    with torch.inference_mode():
        model(torch.arange(3, 9)[None])
    assert len(times) >= 5


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((torch.bfloat16, torch.bfloat16), "bfloat16"),
        ((torch.float16, torch.float16), "float16"),
        ((torch.float32, torch.float32), None),
        ((torch.float16, torch.float32), None),
        ((torch.float8_e4m3fn, torch.bfloat16), None),
    ],
)
def test_the_type_is_read_from_the_weights(
    tmp_path: Path, kinds: tuple[torch.dtype, ...], expected: str | None
) -> None:
    weights = {f"layer.{number}": torch.zeros(4, 4).to(kind) for number, kind in enumerate(kinds)}
    save_file(weights | {"norm": torch.zeros(4)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert exact.stored_type(glance(str(tmp_path), tmp_path, settings=Settings())) == expected
