"""An encoder's ONNX file to OpenVINO IR, by OpenVINO's own reader.

Knows where ONNX files lie and what their results are called; does not know what becomes of the IR.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.source import Checkpoint
from modelyard.card import FEATURE_EXTRACTION
from modelyard.errors import BadCheckpoint

# Where optimum and sentence-transformers put the file; others (model_quantized.onnx, model_O4.onnx) were made from it.
_PLACES = ("model.onnx", "onnx/model.onnx")
_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "position_ids"}
_VECTORS = ("last_hidden_state", "token_embeddings")
_SCORES = ("logits",)


def onnx_file(checkpoint: Checkpoint) -> Path:
    """The one ONNX file that is the model. Raises BadCheckpoint."""
    listed = [name for name in checkpoint.files if name.endswith(".onnx")]
    chosen = next((name for name in _PLACES if name in listed), None)
    if chosen is None and len(listed) == 1:
        chosen = listed[0]
    if chosen is None:
        raise BadCheckpoint(
            f"which of the ONNX files in {checkpoint.folder} is the model is not clear: {', '.join(listed) or 'none'}",
            hint="name it model.onnx",
        )
    return checkpoint.folder / chosen


def read_onnx(file: Path, task: str) -> Any:
    """The network with the one result that the task needs. Raises BadCheckpoint."""
    import openvino as ov

    try:
        model = ov.Core().read_model(file)
    except RuntimeError as error:
        raise BadCheckpoint(f"{file} cannot be read as ONNX: {str(error).strip()[:600]}") from error
    foreign = [name for port in model.inputs for name in port.get_names() if name not in _INPUTS]
    if foreign:
        raise BadCheckpoint(
            f"{file.name} has the inputs {', '.join(sorted(foreign))}, which no encoder of texts has",
            hint="ONNX files of encoders can be converted; of other models give the original checkpoint",
        )
    names = _VECTORS if task == FEATURE_EXTRACTION else _SCORES
    found = next((port for name in names for port in model.outputs if name in port.get_names()), None)
    if found is None:
        given = sorted(name for port in model.outputs for name in port.get_names())
        raise BadCheckpoint(f"{file.name} has none of the results {', '.join(names)}, only {', '.join(given)}")
    return _with_free_shape(ov.Model([found.get_node()], model.get_parameters(), "encoder"))


def _with_free_shape(model: Any) -> Any:
    """Any number of texts of any length; a file that was made for one shape keeps it, and says so when it is loaded."""
    import openvino as ov

    for port in model.inputs:
        if port.partial_shape.rank.is_static and port.partial_shape.rank.get_length() != 2:
            raise BadCheckpoint(
                f"the input {port.get_any_name()} has the shape {port.partial_shape}, not texts x tokens"
            )
    if any(not axis.is_dynamic for port in model.inputs for axis in port.partial_shape):
        model.reshape({port: ov.PartialShape([-1, -1]) for port in model.inputs})
    return model
