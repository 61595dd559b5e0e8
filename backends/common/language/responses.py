"""Deltas to the output tensors of Triton's vLLM backend.

Knows names, types and shapes of outputs; the classes that carry them are Triton's own and handed in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..failures import RequestFailed, error_response
from . import tokens
from .codec import Codec
from .generation import Generation, SequenceDelta
from .infer_request import InferRequest

OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "text_output", "data_type": "TYPE_STRING", "dims": [-1]},
    {"name": "finish_reason", "data_type": "TYPE_STRING", "dims": [-1]},
    {"name": "cumulative_logprob", "data_type": "TYPE_FP32", "dims": [-1]},
    {"name": "logprobs", "data_type": "TYPE_STRING", "dims": [-1]},
    {"name": "num_input_tokens", "data_type": "TYPE_UINT32", "dims": [1]},
    {"name": "num_output_tokens", "data_type": "TYPE_UINT32", "dims": [-1]},
    *tokens.OUTPUTS,
)


class Responses:
    """Makes Triton's responses; `pb_utils` is Triton's module of that name."""

    def __init__(self, pb_utils: Any, codec: Codec) -> None:
        self._pb = pb_utils
        self._codec = codec
        self.final_flag: int = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL

    def content(self, generation: Generation, deltas: Sequence[SequenceDelta]) -> Any:
        """A response with what is new."""
        request = generation.request
        before = self._prompt_of(request) if request.prepend_input else ""
        outputs = {"text_output": _texts([before + delta.text for delta in deltas])}
        if request.return_finish_reason:
            # vLLM's Python None as text: the contract has no other word for "still running".
            outputs["finish_reason"] = _texts([delta.finish_reason or "None" for delta in deltas])
        if request.return_cumulative_logprob:
            outputs["cumulative_logprob"] = np.array([delta.cumulative_logprob for delta in deltas], np.float32)
        if request.return_logprobs:
            greedy, wanted = request.sampling.greedy, request.sampling.logprobs is not None
            outputs["logprobs"] = _texts([self._logprobs(delta, greedy) if wanted else "null" for delta in deltas])
        if request.return_num_input_tokens:
            outputs["num_input_tokens"] = np.array([generation.prompt_tokens], np.uint32)
        if request.return_num_output_tokens:
            outputs["num_output_tokens"] = np.array([delta.tokens for delta in deltas], np.uint32)
        return self.plain(outputs)

    def plain(self, outputs: Mapping[str, Any]) -> Any:
        """A response with these arrays."""
        return self._pb.InferenceResponse([self._pb.Tensor(name, array) for name, array in outputs.items()])

    def failure(self, failure: RequestFailed) -> Any:
        """A response that is an error."""
        return error_response(self._pb, failure)

    def _prompt_of(self, request: InferRequest) -> str:
        ids = request.token_ids
        return request.prompt if ids is None else self._codec.decode(ids, skip_special_tokens=False)

    def _logprobs(self, delta: SequenceDelta, greedy: bool) -> str:
        # Where the engine tells no rank: a greedy choice is the most likely token; of a drawn one nothing is known.
        rank = 1 if greedy else None
        return json.dumps(
            [
                about or {str(token): {"logprob": logprob, "rank": rank, "decoded_token": self._codec.name(token)}}
                for token, logprob, about in delta.logprobs
            ]
        )


def _texts(values: Sequence[str]) -> Any:
    # "surrogatepass" is not needed: U+FFFD stands where bytes were no text.
    return np.array([value.encode() for value in values], dtype=np.object_)
