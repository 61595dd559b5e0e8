"""What Anthropic's API has and this gateway has not, by name, with the values that ask for nothing.

A table; https://docs.anthropic.com/en/api/messages names the fields.
"""

from __future__ import annotations

from gateway.dialects.refusals import Refusal

MESSAGES_REFUSED = {
    "container": Refusal("no code is run here"),
    "diagnostics": Refusal("there are none"),
    "inference_geo": Refusal("the model runs where this service runs"),
    "service_tier": Refusal("there is one tier", (None, "auto", "standard_only")),
    "speed": Refusal("there is one speed", (None, "standard")),
    "mcp_servers": Refusal("the gateway never calls the outside", (None, [])),
    "context_management": Refusal("a conversation is read as it is sent"),
    "user_profile_id": Refusal("there are no profiles"),
    "workspace_id": Refusal("there are no workspaces"),
}
TOOL_REFUSED = {
    "allowed_callers": Refusal("only the model itself calls", (None, ["direct"])),
    "defer_loading": Refusal("all tools are in the prompt", (None, False)),
    "input_examples": Refusal("put examples into the description", (None, [])),
}
# What asks for an effect that is there anyway, or none.
WITHOUT_EFFECT = frozenset({"cache_control", "eager_input_streaming", "citations"})
