"""An encoder that optimum does not know to OpenVINO IR: PyTorch runs it once and OpenVINO writes down what it did.

Whatever a model decides by the shape of its input would be frozen then, so the result is held against the original
at another shape. Knows PyTorch's encoders; does not know what becomes of the IR.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.source import Checkpoint
from modelyard.card import FEATURE_EXTRACTION
from modelyard.errors import ConversionFailed

_TRACED, _CHECKED = (2, 16), (3, 41)  # texts x tokens
_TOLERANCE = 0.02  # of the largest number, in the precision that it was traced in


def load_original(checkpoint: Checkpoint, task: str, *, dtype: Any, trust_remote_code: bool) -> Any:
    """The checkpoint in PyTorch, ready to be asked."""
    from transformers import AutoModel, AutoModelForSequenceClassification

    kind = AutoModel if task == FEATURE_EXTRACTION else AutoModelForSequenceClassification
    return kind.from_pretrained(
        checkpoint.folder, dtype=dtype, local_files_only=True, trust_remote_code=trust_remote_code
    ).eval()


def trace(model: Any, task: str, names: Sequence[str]) -> Any:
    """The network with inputs of these names and one result. Raises ConversionFailed."""
    import numpy as np
    import openvino as ov
    import torch

    result = "last_hidden_state" if task == FEATURE_EXTRACTION else "logits"

    class Encoder(torch.nn.Module):  # type: ignore[misc]  # PyTorch is not looked into
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            found = self.model(**dict(zip(names, inputs, strict=True)), return_dict=True)
            return getattr(found, result).float()

    def example(texts: int, tokens: int) -> tuple[Any, ...]:
        ids = torch.arange(1, texts * tokens + 1).reshape(texts, tokens) % (model.config.vocab_size - 1) + 1
        mask = torch.ones_like(ids)
        mask[0, tokens - 3 :] = 0
        arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
        return tuple(arrays[name] for name in names)

    encoder = Encoder().eval()
    with torch.inference_mode():
        network = ov.convert_model(encoder, example_input=example(*_TRACED))
        for port, name in zip(network.inputs, names, strict=True):
            port.get_tensor().set_names({name})
            port.get_node().set_friendly_name(name)
        network.outputs[0].get_tensor().set_names({result})
        network.reshape({port: ov.PartialShape([-1, -1]) for port in network.inputs})
        asked = example(*_CHECKED)
        expected = encoder(*asked).numpy()
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([each.numpy() for each in asked])[0]
    if task == FEATURE_EXTRACTION:
        counted = asked[names.index("attention_mask")].numpy()[..., None]
        expected, found = expected * counted, found * counted
    if not np.abs(found - expected).max() <= _TOLERANCE * np.abs(expected).max():
        raise ConversionFailed(
            f"{type(model).__name__} does something else for texts of another length, so it cannot be traced",
            hint="on CUDA, --target triton-vllm may serve it",
        )
    return network
