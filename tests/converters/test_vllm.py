"""Entries for Triton's vLLM backend: engine arguments that fit the GPUs, or a refusal that says what would fit."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converters.contents import Contents
from converters.exporters import vllm
from converters.exporters.vllm_arguments import Adapters, engine_arguments, shape_of
from converters.plan import ConversionPlan, Wishes, plan_conversion
from converters.source import Checkpoint, open_checkpoint
from modelyard.card import FEATURE_EXTRACTION, IMAGE_TEXT_TO_TEXT, TEXT_GENERATION
from modelyard.engine.command_line import Ports, tritonserver_arguments
from modelyard.engine.distribution import find_distribution
from modelyard.engine.ports import free_ports
from modelyard.errors import BadCheckpoint, GpuMissing, GpuTooSmall, WeightsDamaged
from modelyard.gpus import Gpu
from modelyard.manifest import Source
from modelyard.settings import Settings
from tests.converters.checkpoints import write_checkpoint
from tests.converters.vllm_fields import ENGINE_ARGUMENTS, LORA_RANKS, NUMBER_TYPES, RUNNERS

T4 = Gpu("Tesla T4", 15_843_721_216, (7, 5))
A10 = Gpu("NVIDIA A10", 24_146_608_128, (8, 6))
H100 = Gpu("NVIDIA H100 80GB HBM3", 85_520_809_984, (9, 0))

LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
}
QWEN2_HALF_B = {
    "model_type": "qwen2",
    "hidden_size": 896,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "num_hidden_layers": 24,
}
MIXTRAL = {**LLAMA_8B, "model_type": "mixtral"}
LLAMA_70B = {**LLAMA_8B, "hidden_size": 8192, "num_attention_heads": 64, "num_hidden_layers": 80}
GEMMA2_9B = {
    "model_type": "gemma2",
    "hidden_size": 3584,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "num_hidden_layers": 42,
}
# name -> figures, parameters, bytes on disk, context, quantized by
MODELS: dict[str, tuple[dict[str, Any], float, float, int, str | None]] = {
    "llama-8b": (LLAMA_8B, 8.03e9, 16.06e9, 131072, None),
    "llama-8b-awq": (LLAMA_8B, 8.03e9, 5.73e9, 131072, "awq"),
    "llama-8b-fp8": (LLAMA_8B, 8.03e9, 9.1e9, 131072, "compressed-tensors"),
    "llama-70b": (LLAMA_70B, 70.6e9, 141.2e9, 131072, None),
    "qwen2-0.5b": (QWEN2_HALF_B, 0.494e9, 0.988e9, 32768, None),
    "mixtral": (MIXTRAL, 46.7e9, 93.4e9, 32768, None),
    "gemma2-9b": (GEMMA2_9B, 9.24e9, 18.5e9, 8192, None),
}


def arguments_of(model: str, *gpus: Gpu, task: str = TEXT_GENERATION, **options: Any) -> dict[str, Any]:
    figures, parameters, size, context, quantization = MODELS[model]
    checkpoint = Checkpoint(Path("nowhere"), Source("hub", model, "1"), (), figures)
    contents = Contents(model, int(parameters), int(size), context, "bf16", quantization, figures=figures)
    return engine_arguments(checkpoint, contents, task, gpus=gpus, **options)


@pytest.mark.parametrize(
    ("model", "gpus", "cards", "dtype", "least", "most"),
    [
        ("qwen2-0.5b", [T4], 1, "float16", 32768, 32768),
        ("qwen2-0.5b", [H100, H100], 1, "bfloat16", 32768, 32768),
        ("llama-8b", [A10], 1, "bfloat16", 16_000, 40_000),
        ("llama-8b", [H100], 1, "bfloat16", 131072, 131072),
        ("llama-8b", [T4, T4], 2, "float16", 16_000, 131072),
        ("llama-8b", [A10, A10], 2, "bfloat16", 131072, 131072),
        ("llama-8b-awq", [T4], 1, "float16", 32_000, 65_000),
        ("llama-8b-awq", [A10], 1, "bfloat16", 65_000, 131072),
        ("llama-8b-fp8", [A10], 1, "bfloat16", 48_000, 131072),
        ("mixtral", [H100, H100], 2, "bfloat16", 32768, 32768),
        ("llama-70b", [H100] * 4, 4, "bfloat16", 131072, 131072),
        ("gemma2-9b", [A10], 1, "bfloat16", 2048, 8192),
    ],
)
def test_arguments_follow_checkpoint_and_gpus(
    model: str, gpus: list[Gpu], cards: int, dtype: str, least: int, most: int
) -> None:
    arguments = arguments_of(model, *gpus)
    assert (arguments["tensor_parallel_size"], arguments["dtype"]) == (cards, dtype)
    assert least <= arguments["max_model_len"] <= most
    # What is promised is there: weights and one whole context lie within the share of the cards' memory.
    figures, parameters, size, _, quantization = MODELS[model]
    cache = shape_of(figures, figures).cache_on(cards) * arguments["max_model_len"]
    weights = (size if quantization else parameters * 2) / cards
    assert weights + cache < gpus[0].memory * arguments["gpu_memory_utilization"]


@pytest.mark.parametrize(
    ("model", "gpus", "would_do"),
    [
        ("llama-8b", [T4], "24GB, 2x12GB"),
        ("mixtral", [A10], "141GB, 2x80GB"),
        ("mixtral", [H100], "141GB, 2x80GB"),
        ("llama-70b", [H100], "192GB, 2x96GB, 4x48GB"),
        # Three cards do not help where the heads cannot be divided by three.
        ("llama-70b", [H100] * 1 + [A10] * 2, "192GB, 2x96GB, 4x48GB"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(model: str, gpus: list[Gpu], would_do: str) -> None:
    with pytest.raises(GpuTooSmall, match="cannot hold") as refused:
        arguments_of(model, *gpus)
    assert f"these would do: {would_do}" in refused.value.hint
    assert "4-bit (AWQ or GPTQ)" in refused.value.hint


def test_what_is_proposed_does_fit() -> None:
    for model, gpus in (("llama-8b", [T4]), ("mixtral", [A10]), ("llama-70b", [H100])):
        with pytest.raises(GpuTooSmall) as refused:
            arguments_of(model, *gpus)
        listed = refused.value.hint.split("these would do: ")[1].split(";")[0]
        for words in listed.split(", "):
            count, _, size = words.rpartition("x")
            gpu = Gpu("another", int(size.removesuffix("GB")) * 10**9, (9, 0))
            assert arguments_of(model, *[gpu] * int(count or 1))["max_model_len"] >= 2048


def test_a_context_that_was_asked_for_is_given_or_refused() -> None:
    assert arguments_of("llama-8b", H100, context_length=8192)["max_model_len"] == 8192
    with pytest.raises(GpuTooSmall, match="a context of 100,000 tokens") as refused:
        arguments_of("llama-8b", A10, context_length=100_000)
    assert "a shorter context takes less" in refused.value.hint


def test_no_gpu() -> None:
    with pytest.raises(GpuMissing) as refused:
        arguments_of("qwen2-0.5b")
    assert "--gpus" in refused.value.hint


@pytest.mark.parametrize(("model", "cards"), [(QWEN2_HALF_B, [1, 2, 14]), (LLAMA_8B, [1, 2, 4, 8, 16])])
def test_cards_divide_the_heads(model: dict[str, Any], cards: list[int]) -> None:
    assert shape_of(model, model).cards(16) == cards


def test_cache_per_token() -> None:
    assert shape_of(LLAMA_8B, {}).cache == 131072  # 2 x 32 layers x 8 heads x 128 wide x 2 bytes
    assert shape_of(LLAMA_8B, {}).cache_on(2) == 65536
    assert shape_of(LLAMA_8B, {}).cache_on(16) == 16384  # a head each, twice over
    gpt2 = {"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768}
    assert shape_of(gpt2, {}).cache == 2 * 12 * 768 * 2
    deepseek = {"num_hidden_layers": 61, "num_attention_heads": 128, "kv_lora_rank": 512, "qk_rope_head_dim": 64}
    assert shape_of(deepseek, {}).cache_on(8) == 61 * 576 * 2  # every card holds the whole latent


def test_the_image_encoder_has_heads_to_divide_too() -> None:
    config = {"vision_config": {"num_heads": 6}}
    assert shape_of({**LLAMA_8B}, config).cards(8) == [1, 2]


def test_numbers_that_old_cards_do_not_have() -> None:
    assert arguments_of("gemma2-9b", H100)["dtype"] == "bfloat16"
    # In 16 bits of the other kind gemma2 breaks down, and 32 bits take twice the memory.
    with pytest.raises(GpuTooSmall, match=r"37\.0 GB of weights"):
        arguments_of("gemma2-9b", T4, T4)
    volta = Gpu("Quadro P4000", 8 * 10**9, (6, 1))
    with pytest.raises(GpuTooSmall, match=r"compute capability 6\.1"):
        arguments_of("qwen2-0.5b", volta)
    with pytest.raises(GpuTooSmall, match=r"quantized by 'awq' need compute capability 7\.5"):
        arguments_of("llama-8b-awq", Gpu("Tesla V100", 32 * 10**9, (7, 0)))


def test_weights_that_vllm_cannot_read() -> None:
    figures, parameters, size, context, _ = MODELS["llama-8b-awq"]
    contents = Contents("x", int(parameters), int(size), context, "fp16", "aqlm", figures=figures)
    with pytest.raises(BadCheckpoint, match="quantized by 'aqlm'") as refused:
        engine_arguments(
            Checkpoint(Path("x"), Source("hub", "x", "1"), (), figures), contents, TEXT_GENERATION, gpus=[H100]
        )
    assert "awq" in refused.value.hint


@pytest.mark.parametrize("task", [TEXT_GENERATION, IMAGE_TEXT_TO_TEXT, FEATURE_EXTRACTION])
@pytest.mark.parametrize("adapters", [Adapters(), Adapters(1, 4, 10**7), Adapters(7, 100, 10**8)])
def test_every_argument_is_one_of_vllms(task: str, adapters: Adapters) -> None:
    arguments = arguments_of("llama-8b", H100, task=task, adapters=adapters, trust_remote_code=True)
    assert arguments.keys() <= ENGINE_ARGUMENTS
    assert arguments["dtype"] in NUMBER_TYPES
    assert arguments.get("runner", "auto") in RUNNERS
    assert ("enable_lora" in arguments) == bool(adapters.count)
    assert arguments.get("max_lora_rank", 1) in LORA_RANKS
    assert arguments.get("max_lora_rank", 512) >= adapters.rank
    assert arguments["trust_remote_code"] is True
    assert ("limit_mm_per_prompt" in arguments) == (task == IMAGE_TEXT_TO_TEXT)


def test_an_adapter_of_too_high_a_rank() -> None:
    with pytest.raises(BadCheckpoint, match="rank 1000"):
        arguments_of("llama-8b", H100, adapters=Adapters(1, 1000, 1))


def write_adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8, **config}))
    (folder / "adapter_model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return folder


def plan_of(folder: Path, tmp_path: Path, **wishes: Any) -> ConversionPlan:
    chosen = Wishes(target="triton-vllm", device="cuda", gpus=(A10,), **wishes)
    return plan_conversion(
        open_checkpoint(str(folder)), repository=tmp_path / "repository", wishes=chosen, check_host=False
    )


def exported(plan: ConversionPlan, folder: Path, scratch: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    vllm.export(plan, folder, scratch, on_step=lambda step: None)
    content = json.loads((folder / "model.json").read_text())
    assert isinstance(content, dict)
    return content


def test_an_entry_holds_the_checkpoint_and_paths_below_the_repository(checkpoint: Path, tmp_path: Path) -> None:
    plan = plan_of(checkpoint, tmp_path, name="tiny")
    folder = tmp_path / "staged" / "tiny" / "1"
    arguments = exported(plan, folder, tmp_path)
    assert arguments.keys() <= ENGINE_ARGUMENTS
    assert (arguments["model"], arguments["max_model_len"]) == ("tiny/1/checkpoint", 512)
    assert "trust_remote_code" not in arguments
    # Seen from the repository, as Triton sees it, the path leads to the whole checkpoint.
    served = tmp_path / "staged" / arguments["model"]
    assert {path.name for path in served.iterdir()} == set(plan.checkpoint.files)
    assert (served / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()
    assert not (folder / "multi_lora.json").exists()


def test_adapters_are_named_for_requests(checkpoint: Path, tmp_path: Path) -> None:
    adapters = {"polite": write_adapter(tmp_path / "a"), "terse": write_adapter(tmp_path / "b", r=24)}
    plan = replace(plan_of(checkpoint, tmp_path, name="tiny"), adapters=adapters)
    folder = tmp_path / "staged" / "tiny" / "1"
    arguments = exported(plan, folder, tmp_path)
    assert (arguments["enable_lora"], arguments["max_loras"], arguments["max_lora_rank"]) == (True, 2, 32)
    named = json.loads((folder / "multi_lora.json").read_text())
    assert named == {"polite": "tiny/1/adapters/polite", "terse": "tiny/1/adapters/terse"}
    for place in named.values():
        assert (tmp_path / "staged" / place / "adapter_config.json").is_file()


@pytest.mark.parametrize("config", [{"r": None}, {"r": 0}, {"r": "8"}, {"peft_type": "PREFIX_TUNING"}])
def test_what_is_no_lora_adapter(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="'odd'"):
        vllm.read_adapters({"odd": write_adapter(tmp_path / "a", **config)})


def test_an_adapter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="'gone'"):
        vllm.read_adapters({"gone": tmp_path / "nothing"})


def test_pickled_weights_are_looked_at_first(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = write_checkpoint(tmp_path / "tiny")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    plan = plan_of(folder, tmp_path)
    assert exported(plan, tmp_path / "whole" / "1", tmp_path)["model"] == "tiny/1/checkpoint"
    torch.save({"weight": torch.ones(3), "more": Path("code")}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsDamaged, match=r"pytorch_model\.bin"):
        exported(plan, tmp_path / "hostile" / "1", tmp_path)


def test_config_pbtxt_leaves_the_cards_to_vllm(checkpoint: Path, tmp_path: Path) -> None:
    from converters.entry_config import EntryConfig, read_message
    from modelyard.card import ModelCard

    plan = plan_of(checkpoint, tmp_path)
    config = read_message(EntryConfig("vllm", ModelCard(), vllm.backend_parameters(plan)).to_text())
    assert (config.backend, config.max_batch_size) == ("vllm", 0)
    assert [(group.count, group.Kind.Name(group.kind)) for group in config.instance_group] == [(1, "KIND_MODEL")]
    assert config.model_transaction_policy.decoupled
    assert config.parameters["REPORT_CUSTOM_METRICS"].string_value == "true"


_LOOKS_FOR_THE_CHECKPOINT = """
import json
from pathlib import Path


class TritonPythonModel:
    def initialize(self, arguments):
        folder = Path(arguments["model_repository"], arguments["model_version"])
        path = json.loads((folder / "model.json").read_text())["model"]
        if not Path(path, "model.safetensors").is_file():
            raise RuntimeError(f"there is no {path} below {Path.cwd()}")

    def execute(self, requests):
        return []
"""


@pytest.mark.parametrize("below", [True, False])
def test_paths_lead_from_tritons_working_directory(below: bool, checkpoint: Path, tmp_path: Path) -> None:
    """In the real Triton, as a Python-based backend like vLLM's sees it."""
    repository = tmp_path / "models"
    exported(plan_of(checkpoint, tmp_path, name="tiny"), repository / "tiny" / "1", tmp_path)
    (repository / "tiny" / "1" / "model.py").write_text(_LOOKS_FOR_THE_CHECKPOINT)
    (repository / "tiny" / "config.pbtxt").write_text('backend: "python"\n')
    distribution = find_distribution(Settings().engine_python)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    arguments = tritonserver_arguments(
        repository=repository,
        backend_directory=distribution.lay_out(runtime),
        ports=Ports(*free_ports(3)),
        shm_prefix=f"vllm-paths-{os.getpid()}",
        exit_timeout_s=5,
        extra=["--load-model=tiny", "--exit-on-error=true"],
    )
    log = tmp_path / "log"
    with log.open("wb") as output:
        # A session of its own, so that the backend's stub ends with it whatever Triton is just doing.
        triton = subprocess.Popen(
            [distribution.server, *arguments],
            cwd=repository if below else tmp_path,
            env=distribution.environment(os.environ),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    limit = time.monotonic() + 120
    try:
        while triton.poll() is None and "Started GRPCInferenceService" not in log.read_text():
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.killpg(triton.pid, signal.SIGKILL)
        triton.wait()
    assert ("successfully loaded 'tiny'" in log.read_text()) is below
    assert (f"there is no tiny/1/checkpoint below {tmp_path}" in log.read_text()) is not below
