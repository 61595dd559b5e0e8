"""What OpenAI's responses have and this gateway has not, by name, with the values that ask for nothing.

Tables; https://platform.openai.com/docs/api-reference/responses/create names the fields.
"""

from __future__ import annotations

from gateway.dialects.openai.chat.refused import CHAT_REFUSED
from gateway.dialects.refusals import Refusal

_CALLED = "tools are called by whoever asked for the answer"
_CACHE = Refusal("the engine's prefix cache cannot be steered by a request")

RESPONSES_REFUSED = {
    **{
        name: CHAT_REFUSED[name]
        for name in ("moderation", "service_tier", "prompt_cache_options", "prompt_cache_retention")
    },
    "background": Refusal("answers are given while the client waits", (None, False)),
    "conversation": Refusal("there are no conversations; send previous_response_id"),
    "prompt": Refusal("there are no stored prompts; send instructions and input"),
    "context_management": Refusal("conversations are not compacted", (None, [])),
    "image": Refusal(
        "pictures are shown to the model as they are",
        (None, {}, {"context_compression": "auto"}, {"context_compression": "disabled"}),
    ),
    "access_programs": Refusal("there are no access programs", (None, {}, {"cyber": "standard"})),
    "truncation": Refusal("what does not fit the model's context is refused, never cut", (None, "disabled")),
}
STREAM_OPTIONS_REFUSED = {"include_obfuscation": Refusal("events are not padded", (None, False))}
TEXT_REFUSED = {"verbosity": Refusal("there are no levels of verbosity", (None, "medium"))}
_SUMMARY = Refusal("thoughts are not summarised; they come in full as reasoning_text", (None, "auto"))
REASONING_REFUSED = {
    "summary": _SUMMARY,
    "generate_summary": _SUMMARY,
    "context": Refusal("the model's template decides which thoughts of before it sees", (None, "auto")),
    "mode": Refusal("there is one mode", (None, "standard")),
}
TOOL_REFUSED = {
    "async": Refusal(_CALLED, (None, False)),
    "defer_loading": Refusal("the model is told of all tools at once", (None, False)),
    "allowed_callers": Refusal(_CALLED, (None, ["direct"])),
    "output_schema": Refusal("the model is told of a tool's arguments only"),
}
_DIRECT = Refusal(_CALLED, (None, {"type": "direct"}))
_NAMESPACE = Refusal("tools have no namespaces")
ITEM_REFUSED = {
    "message": {"phase": Refusal("phases are not shown to the model", (None, "final_answer"))},
    "function_call": {"async": Refusal(_CALLED, (None, False)), "caller": _DIRECT, "namespace": _NAMESPACE},
    "function_call_output": {
        "caller": _DIRECT,
        "namespace": _NAMESPACE,
        "created_by": Refusal("it is not shown to the model"),
    },
    "reasoning": {"encrypted_content": Refusal("only the service that encrypted it can read it")},
}
PART_REFUSED = {
    "input_text": {"prompt_cache_breakpoint": _CACHE},
    "input_image": {
        "prompt_cache_breakpoint": _CACHE,
        "file_id": Refusal("there are no uploaded files; send image_url"),
    },
    "output_text": {"annotations": Refusal("annotations are not shown to the model", (None, []))},
    "refusal": {},
}
