"""A PyTorch model that was loaded in 16 bits made to compute in 32, with few of its weights in 32 bits at a time.

A reference must not have a rounding of its own, and a model in 32 bits may not fit where its conversion did. Knows
modules; does not know what a model is for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from converters.source import Checkpoint

_BLOCK = 8 * 2**20  # weights in 32 bits at a time
_LET_GO_EVERY = 128 * 2**20  # weights
_MAX_HEADER = 100 * 2**20  # bytes; safetensors' own limit


def stored_type(checkpoint: Checkpoint) -> str | None:
    """`float16` or `bfloat16` where every large weight of the checkpoint is stored so; None elsewhere."""
    names = [name for name in checkpoint.weights if name.endswith(".safetensors")]
    kinds = {kind for name in names for kind in _kinds(checkpoint.folder / name)}
    return {frozenset({"F16"}): "float16", frozenset({"BF16"}): "bfloat16"}.get(frozenset(kinds))


def compute_in_32_bits(model: Any, let_go: Callable[[], None]) -> None:
    """Change the model in place. `let_go` is called now and then, when weights that were read are not needed again."""
    import torch

    meter = _Meter(let_go)
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.forward = partial(_linear, module, meter)
        elif type(module) is torch.nn.Embedding:
            module.register_forward_hook(lambda module, inputs, output: output.float())
        elif sum(weight.numel() for weight in module.parameters(recurse=False)) > _BLOCK:  # experts, all in one
            module.register_forward_pre_hook(_widen)
            module.register_forward_hook(partial(_narrow, meter))
        else:
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if tensor.is_floating_point():
                    tensor.data = tensor.data.float()


class _Meter:
    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._read = 0
        self._room: Any = None

    def widened(self, block: Any) -> Any:
        """The block in 32 bits, in a place that is used again: fresh memory costs more than the arithmetic."""
        import torch

        if self._room is None or self._room.numel() < block.numel():
            self._room = torch.empty(max(block.numel(), _BLOCK), dtype=torch.float32)
        return self._room[: block.numel()].view(block.shape).copy_(block)

    def count(self, weights: int) -> None:
        self._read += weights
        if self._read > _LET_GO_EVERY:
            self._let_go()
            self._read = 0


def _linear(module: Any, meter: _Meter, inputs: Any) -> Any:
    import torch

    rows, columns = module.weight.shape
    step = max(1, _BLOCK // columns)
    # The weight on the left: MKL takes a fifth less time for tall blocks times few columns than the other way round.
    output, few = torch.empty((inputs.numel() // columns, rows)), inputs.reshape(-1, columns).t().contiguous()
    for start in range(0, rows, step):
        block = slice(start, start + step)
        output[:, block] = torch.mm(meter.widened(module.weight[block]), few).t()
    if module.bias is not None:
        output += module.bias.float()
    meter.count(rows * columns)
    return output.view(*inputs.shape[:-1], rows)


def _widen(module: Any, inputs: Any) -> None:
    module.kept = {name: weight.data for name, weight in module.named_parameters(recurse=False)}
    for weight in module.parameters(recurse=False):
        weight.data = weight.data.float()


def _narrow(meter: _Meter, module: Any, inputs: Any, output: Any) -> None:
    for name, weight in module.named_parameters(recurse=False):
        weight.data = module.kept[name]
        meter.count(weight.numel())
    del module.kept


def _kinds(file: Path) -> set[str]:
    """Number types of a safetensors file's weights; vectors are left out, since they are small."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(min(length, _MAX_HEADER)))
    return {entry["dtype"] for name, entry in header.items() if name != "__metadata__" and len(entry["shape"]) > 1}
