"""What OpenAI's API has and this gateway has not, by name, with the values that ask for nothing.

A table; https://platform.openai.com/docs/api-reference/chat/create names the fields.
"""

from __future__ import annotations

from gateway.dialects.refusals import Refusal

_NO_TOOLS = "tool calls are not supported yet"

CHAT_REFUSED = {
    "tools": Refusal(_NO_TOOLS, (None, [])),
    "tool_choice": Refusal(_NO_TOOLS, (None, "none", "auto")),
    "functions": Refusal(_NO_TOOLS, (None, [])),
    "function_call": Refusal(_NO_TOOLS, (None, "none", "auto")),
    "response_format": Refusal(
        "answers are plain text; structured output is not supported yet", (None, {"type": "text"})
    ),
    "audio": Refusal("this model writes text only"),
    "modalities": Refusal("this model writes text only", (None, ["text"])),
    "prediction": Refusal("predicted outputs are not supported"),
    "reasoning_effort": Refusal("the model's own template decides how it reasons"),
    "verbosity": Refusal("there are no levels of verbosity", (None, "medium")),
    "web_search_options": Refusal("the gateway never calls the outside"),
    "moderation": Refusal("there is no moderation"),
    "store": Refusal("nothing is stored", (None, False)),
    "service_tier": Refusal("there is one tier", (None, "auto", "default")),
    "prompt_cache_options": Refusal("the engine's prefix cache cannot be steered by a request"),
}
COMPLETION_REFUSED = {
    "suffix": Refusal("text cannot be inserted before a suffix", (None, "")),
    "best_of": Refusal("ask for n answers instead", (None, 1)),
}
MESSAGE_REFUSED = {
    "tool_calls": Refusal(_NO_TOOLS, (None, [])),
    "tool_call_id": Refusal(_NO_TOOLS),
    "function_call": Refusal(_NO_TOOLS),
    "audio": Refusal("this model reads text only"),
    "refusal": Refusal("send it as content"),
    "annotations": Refusal("annotations are not shown to the model", (None, [])),
}
