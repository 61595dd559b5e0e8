"""Compression by blocks makes the very bytes that compression of whole weights makes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from converters import blockwise, compression
from converters.precision import RECIPES


def write_network(folder: Path) -> Path:
    """An embedding and three layers, in bfloat16 and of widths that no block divides evenly."""
    random = np.random.default_rng(5)
    ids = opset13.parameter([-1, -1], np.int64, name="input_ids")

    def weight(rows: int, columns: int) -> ov.Node:
        values = random.normal(0, 0.1, (rows, columns)).astype(np.float32)
        stored = ov.op.Constant(ov.Type.bf16, ov.Shape([rows, columns]), values.reshape(-1).tolist())
        stored.friendly_name = f"weight_{rows}_{columns}"
        return opset13.convert(stored, "f32")

    state = opset13.gather(weight(513, 256), ids, opset13.constant(0))
    for rows, columns in ((384, 256), (256, 384), (513, 256)):
        state = opset13.matmul(state, weight(rows, columns), transpose_a=False, transpose_b=True)
    model = ov.Model([state], [ids])
    ov.save_model(model, folder / "network.xml", compress_to_fp16=False)
    return folder / "network.xml"


@pytest.mark.parametrize("precision", ["int8", "int4", "int4-cw", "nf4"])
def test_the_same_bytes(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blockwise, "_BLOCK", 40_000)
    made = {}
    for way in ("whole", "blocks"):
        (tmp_path / way).mkdir()
        network = write_network(tmp_path / way)
        before = network.with_suffix(".bin").stat().st_size
        with monkeypatch.context() as patch:
            if way == "whole":
                patch.setattr(compression, "blockwise", lambda let_go: contextlib.nullcontext())
            compression.compress(network, RECIPES[precision])
        made[way] = network.with_suffix(".bin").read_bytes()
        assert len(made[way]) < 0.6 * before
    assert made["whole"] == made["blocks"]


def test_nncf_is_itself_again_afterwards() -> None:
    from nncf.quantization.algorithms.weight_compression import openvino_backend

    before = openvino_backend.compress_weight
    with contextlib.suppress(ZeroDivisionError), blockwise.blockwise(lambda: None):
        assert openvino_backend.compress_weight is not before
        raise ZeroDivisionError
    assert openvino_backend.compress_weight is before
