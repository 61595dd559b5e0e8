"""A wrong parameter of config.pbtxt is named in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.common.settings import BadSetting, Parameters
from backends.openvino_genai.settings import BackendSettings, read_settings


def test_defaults(tmp_path: Path) -> None:
    assert read_settings(Parameters({"CONTEXT_LENGTH": "64"}), tmp_path) == BackendSettings(context_length=64)


def test_everything_given(tmp_path: Path) -> None:
    given = {
        "CONTEXT_LENGTH": "64",
        "DEVICE": "gpu.1",
        "CACHE_SIZE_GB": "3",
        "MAX_NUM_BATCHED_TOKENS": "512",
        "MAX_NUM_SEQS": "8",
        "MAX_QUEUE_SIZE": "0",
        "ENABLE_PREFIX_CACHING": "False",
        "DYNAMIC_SPLIT_FUSE": "no",
        "KV_CACHE_PRECISION": "U8",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": "2",
        "PLUGIN_CONFIG": '{"CACHE_DIR": "/x"}',
        "CHAT_TEMPLATE": "not ours",
    }
    assert read_settings(Parameters(given), tmp_path) == BackendSettings(
        context_length=64,
        device="GPU.1",
        cache_size_gb=3,
        max_num_batched_tokens=512,
        max_num_seqs=8,
        max_queue_size=0,
        enable_prefix_caching=False,
        dynamic_split_fuse=False,
        properties={
            "CACHE_DIR": "/x",
            "KV_CACHE_PRECISION": "u8",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": 2,
        },
    )


def test_the_context_of_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"text_config": {"max_position_embeddings": 77}}')
    assert read_settings(Parameters({}), tmp_path).context_length == 77


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTEXT_LENGTH", "many"),
        ("CONTEXT_LENGTH", "1"),
        ("CACHE_SIZE_GB", "-1"),
        ("MAX_NUM_BATCHED_TOKENS", "0"),
        ("MAX_NUM_SEQS", "2.5"),
        ("MAX_QUEUE_SIZE", "-1"),
        ("ENABLE_PREFIX_CACHING", "perhaps"),
        ("DYNAMIC_SPLIT_FUSE", "2"),
        ("KV_CACHE_PRECISION", "u7"),
        ("INFERENCE_PRECISION_HINT", "u8"),
        ("INFERENCE_NUM_THREADS", "0"),
        ("PLUGIN_CONFIG", "[1]"),
        ("PLUGIN_CONFIG", "{"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=f"{name}.*must be"):
        read_settings(Parameters({"CONTEXT_LENGTH": "64", name: value}), tmp_path)


def test_no_context_anywhere(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="CONTEXT_LENGTH"):
        read_settings(Parameters({}), tmp_path)


def test_prompts_that_could_never_be_scheduled(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="MAX_NUM_BATCHED_TOKENS"):
        read_settings(Parameters({"CONTEXT_LENGTH": "512", "DYNAMIC_SPLIT_FUSE": "false"}), tmp_path)
