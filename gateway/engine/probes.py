"""Requests that every living backend refuses at once, and that a dead one never sees: they tell the two apart.

Knows tensors; does not know how a request is sent.
"""

from __future__ import annotations

import struct

from tritonclient.grpc import service_pb2

from gateway.domain.generation import Sampling
from gateway.domain.ports import Asked
from gateway.engine.contract import BYTES
from gateway.engine.tensors import to_infer_request

_NO_TEXT = b"\xff"  # a byte that UTF-8 never has
# Bytes of one element, for tensors that carry plain numbers.
_WIDTHS = {
    **{"BOOL": 1, "INT8": 1, "UINT8": 1, "INT16": 2, "UINT16": 2, "FP16": 2, "BF16": 2},
    **{"INT32": 4, "UINT32": 4, "FP32": 4, "INT64": 8, "UINT64": 8, "FP64": 8},
}


def free_question(rpc: service_pb2.ModelInferRequest) -> service_pb2.ModelInferRequest:
    """For models that generate text: an answer of no tokens, which is refused before it costs anything."""
    return to_infer_request(rpc.model_name, Asked("", Sampling(max_tokens=0)), stream=False)


def unreadable(rpc: service_pb2.ModelInferRequest) -> service_pb2.ModelInferRequest:
    """For all others: the same tensors, so that Triton hands it on, with one element each and texts that are none."""
    probe = service_pb2.ModelInferRequest(model_name=rpc.model_name, model_version=rpc.model_version)
    for name, value in rpc.parameters.items():
        probe.parameters[name].CopyFrom(value)
    for tensor in rpc.inputs:
        # The rank stays, since a model may have a dimension for the batch.
        shape = [1] * len(tensor.shape)
        probe.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
        probe.raw_input_contents.append(
            struct.pack("<I", len(_NO_TEXT)) + _NO_TEXT
            if tensor.datatype == BYTES
            else bytes(_WIDTHS.get(tensor.datatype, 4))
        )
    probe.outputs.extend(rpc.outputs)
    return probe
