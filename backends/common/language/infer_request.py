"""One request as the tensors of Triton's vLLM backend say it, read and checked.

Knows the names and types of the input tensors; does not know how Triton carries them nor what comes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..failures import Refused
from ..inputs import blobs, flag, only, text
from . import tokens
from .sampling import Sampling, SamplingReader

# From what was sent to what the engine takes. Raises Refused.
ImageReader = Callable[[list[bytes]], tuple[Any, ...]]

INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "text_input", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "image", "data_type": "TYPE_STRING", "dims": [-1], "optional": True},
    {"name": "stream", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "sampling_parameters", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    {"name": "exclude_input_in_output", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "return_finish_reason", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "return_cumulative_logprob", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "return_logprobs", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "return_num_input_tokens", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "return_num_output_tokens", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    {"name": "embedding_request", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    *tokens.INPUTS,
)


@dataclass(frozen=True)
class InferRequest:
    """What a caller wants. `prepend_input` puts the prompt before the answer, as vLLM does unless told otherwise.

    `images` are as the engine takes them; None where the model takes none. `token_ids` stand in place of the prompt.
    """

    prompt: str
    sampling: Sampling
    stream: bool = False
    prepend_input: bool = False
    return_finish_reason: bool = False
    return_cumulative_logprob: bool = False
    return_logprobs: bool = False
    return_num_input_tokens: bool = False
    return_num_output_tokens: bool = False
    images: tuple[Any, ...] | None = None
    operation: tokens.Operation = "generate"
    token_ids: tuple[int, ...] | None = None
    add_special_tokens: bool = True


def read_request(
    tensor: Callable[[str], Any | None],
    parameters: Callable[[], str],
    sampling: SamplingReader[Any],
    open_images: ImageReader | None = None,
) -> InferRequest:
    """The request; `tensor` gives an input's values as an array, or None. Raises Refused."""
    refused = {"embedding_request": "this model makes no embeddings"}
    if open_images is None:
        refused["image"] = "this model takes text only"
    for name, why in refused.items():
        if (value := tensor(name)) is not None and value.size:
            raise Refused(f"'{name}' cannot be honoured: {why}")
    stream = flag(tensor, "stream")
    excluded = tensor("exclude_input_in_output")
    prepend = not stream if excluded is None else not only(excluded, "exclude_input_in_output")
    if prepend and stream:
        raise Refused(
            "'exclude_input_in_output' cannot be false with 'stream': the input would be in no response or in all"
        )
    given = text(tensor, "sampling_parameters")
    prompt, token_ids, special = text(tensor, "text_input") or "", tokens.ids_asked(tensor), "add_special_tokens"
    if token_ids is not None and prompt:
        raise Refused("'token_ids' cannot be honoured beside a 'text_input'")
    if token_ids is not None and open_images is not None:
        raise Refused("'token_ids' cannot be honoured: a model that sees makes the tokens of its prompts itself")
    return InferRequest(
        prompt=prompt,
        sampling=sampling.read(given) if given is not None else sampling.known(parameters()),
        stream=stream,
        prepend_input=prepend,
        return_finish_reason=flag(tensor, "return_finish_reason"),
        return_cumulative_logprob=flag(tensor, "return_cumulative_logprob"),
        return_logprobs=flag(tensor, "return_logprobs"),
        return_num_input_tokens=flag(tensor, "return_num_input_tokens"),
        return_num_output_tokens=flag(tensor, "return_num_output_tokens"),
        images=None if open_images is None else open_images(blobs(tensor, "image")),
        operation=tokens.operation_asked(tensor),
        token_ids=token_ids,
        add_special_tokens=tensor(special) is None or flag(tensor, special),
    )
