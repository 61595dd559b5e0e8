"""Names and types of the text-generation tensors: the contract of Triton's vLLM backend, which ours keep too.

No code. See docs/backend.md for what each of them means.
"""

from __future__ import annotations

TEXT_INPUT = "text_input"
IMAGE = "image"
STREAM = "stream"
SAMPLING_PARAMETERS = "sampling_parameters"
EXCLUDE_INPUT = "exclude_input_in_output"
RETURN_FINISH_REASON = "return_finish_reason"
RETURN_LOGPROBS = "return_logprobs"
RETURN_INPUT_TOKENS = "return_num_input_tokens"
RETURN_OUTPUT_TOKENS = "return_num_output_tokens"

# Our extension: a prompt in token ids, and the tokenizer asked by itself. vLLM's backend has none of it.
OPERATION = "operation"
TOKEN_IDS = "token_ids"  # noqa: S105 - no password
ADD_SPECIAL_TOKENS = "add_special_tokens"
EXTENSION = frozenset({OPERATION, TOKEN_IDS, ADD_SPECIAL_TOKENS})

TEXT_OUTPUT = "text_output"
FINISH_REASON = "finish_reason"
LOGPROBS = "logprobs"
INPUT_TOKENS = "num_input_tokens"
OUTPUT_TOKENS = "num_output_tokens"

BYTES = "BYTES"
BOOL = "BOOL"
INT32 = "INT32"

STILL_RUNNING = b"None"  # the finish reason of a sequence that goes on

# Asks Triton for a mark on the last response of a decoupled model, and the mark.
WANT_FINAL = "triton_enable_empty_final_response"
IS_FINAL = "triton_final_response"

# An error inside a stream is a text without a code. The header `triton_grpc_error` would make a gRPC status of it, but
# Triton 2.51 crashes with it when a request fails while its client half-closes or cancels (seen after 144 to 1,710
# refused requests; never without it). So our backends begin the text with Triton's name of the code, in brackets.
