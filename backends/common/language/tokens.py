"""The extension of the vLLM backend's tensors by tokens: prompts given as ids, and the tokenizer asked by itself.

    input   operation           BYTES [1]   generate (the default), tokenize or detokenize
    input   token_ids           INT32 [-1]  generate: the prompt, in place of a text_input, which is then empty;
                                            detokenize: what is to become text
    input   add_special_tokens  BOOL [1]    tokenize: whether the tokenizer adds its own, as for a prompt; true
    output  token_ids           INT32 [-1]  of tokenize; detokenize gives a text_output, with special tokens written out

All are optional, so that a request without them is one of the vLLM backend. Knows tensors and ids; does not know
Triton's classes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..failures import Refused
from ..inputs import Tensor, text
from .codec import Codec

Operation = Literal["generate", "tokenize", "detokenize"]

INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "operation", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    {"name": "token_ids", "data_type": "TYPE_INT32", "dims": [-1], "optional": True},
    {"name": "add_special_tokens", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
)
OUTPUTS: tuple[dict[str, Any], ...] = ({"name": "token_ids", "data_type": "TYPE_INT32", "dims": [-1]},)


def operation_asked(tensor: Tensor) -> Operation:
    """What is to be done. Raises Refused."""
    given = text(tensor, "operation") or "generate"
    for known in ("generate", "tokenize", "detokenize"):
        if given == known:
            return known
    raise Refused(f"'operation' must be generate, tokenize or detokenize, not '{given}'")


def ids_asked(tensor: Tensor) -> tuple[int, ...] | None:
    """The ids that were sent, or None."""
    array = tensor("token_ids")
    return None if array is None else tuple(array.reshape(-1).tolist())


def known(ids: tuple[int, ...], size: int, name: str = "token_ids") -> list[int]:
    """The same ids. Raises Refused where the vocabulary of `size` tokens has not got one."""
    for place, each in enumerate(ids):
        if not 0 <= each < size:
            raise Refused(f"'{name}' has {each} at place {place}, but this model's tokens are 0 to {size - 1}")
    return list(ids)


def tokenized(codec: Codec, prompt: str, *, special_tokens: bool) -> dict[str, Any]:
    """The outputs of tokenize."""
    ids = codec.encode(prompt) if special_tokens else codec.encode_alone(prompt)
    return {"token_ids": np.array(ids, np.int32), "num_input_tokens": np.array([len(ids)], np.uint32)}


def detokenized(codec: Codec, ids: tuple[int, ...] | None) -> dict[str, Any]:
    """The outputs of detokenize. Raises Refused."""
    if ids is None:
        raise Refused("'token_ids' is missing, which 'operation' detokenize needs")
    text_output = codec.decode(known(ids, codec.size), skip_special_tokens=False) if ids else ""
    return {"text_output": np.array([text_output.encode()], dtype=np.object_)}
