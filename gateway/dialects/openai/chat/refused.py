"""What OpenAI's chat completions have and this gateway has not, by name, with the values that ask for nothing.

A table; https://platform.openai.com/docs/api-reference/chat/create names the fields.
"""

from __future__ import annotations

from gateway.dialects.refusals import Refusal

_OLD = "it is OpenAI's older form; send tools and tool_choice"

CHAT_REFUSED = {
    "functions": Refusal(_OLD, (None, [])),
    "function_call": Refusal(_OLD, (None, "none", "auto")),
    "audio": Refusal("answers are text; /v1/audio/speech reads one aloud"),
    "modalities": Refusal("answers are text", (None, ["text"])),
    "prediction": Refusal("predicted outputs are not supported"),
    "verbosity": Refusal("there are no levels of verbosity", (None, "medium")),
    "web_search_options": Refusal("the gateway never calls the outside"),
    "moderation": Refusal("answers are not moderated; /v1/moderations classifies texts"),
    "store": Refusal("chat completions are not stored", (None, False)),
    "service_tier": Refusal("there is one tier", (None, "auto", "default")),
    "prompt_cache_options": Refusal(
        "the engine's prefix cache cannot be steered by a request", (None, {}, {"mode": "implicit"})
    ),
    "prompt_cache_retention": Refusal("prompts are cached in memory only", (None, "in_memory")),
    # vLLM's
    "add_generation_prompt": Refusal(
        "a prompt without the beginning of an answer is one that continues; send continue_final_message", (None, True)
    ),
    "chat_template": Refusal("the model's own template is used"),
    "documents": Refusal("send them as content of a message"),
}
CONTINUING = {"add_generation_prompt": Refusal("continue_final_message says otherwise", (None, False))}
MESSAGE_REFUSED = {
    "function_call": Refusal(_OLD),
    "audio": Refusal("what was said is read as text only"),
    "annotations": Refusal("annotations are not shown to the model", (None, [])),
}
PART_REFUSED = {"prompt_cache_breakpoint": Refusal("the engine's prefix cache cannot be steered by a request")}
