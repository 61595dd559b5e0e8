"""Questions that name a model, a precision or a device, answered with the exact command.

The ids are partly invented, so the model learns to copy what the user wrote into the command.
"""

from __future__ import annotations

import random

from .grammar import expand
from .words import NOUNS, invented

_FAMILIES = (
    "Qwen2.5",
    "Llama-3.2",
    "Qwen3",
    "Phi-3",
    "Mistral",
    "Gemma-2",
    "SmolLM2",
    "TinyLlama",
    "Falcon3",
    "Granite",
)
_SIZES = ("0.5B", "1B", "1.5B", "3B", "7B", "8B", "13B", "70B", "135M", "360M")
_KINDS = ("-Instruct", "-Chat", "", "-Base", "-it")
_OWNERS = ("Qwen", "my-org", "acme", "example", "lab", "team", "openlab", "demo")


def model_id(rng: random.Random) -> str:
    """Return a hub id or a local name."""
    owner = rng.choice(_OWNERS) if rng.random() < 0.5 else invented(rng)
    roll = rng.random()
    if roll < 0.4:
        name = rng.choice(_FAMILIES) + "-" + rng.choice(_SIZES) + rng.choice(_KINDS)
    elif roll < 0.7:
        name = f"{invented(rng)}-{rng.choice(_SIZES)}{rng.choice(_KINDS)}"
    else:
        name = f"{invented(rng)}-{rng.choice(NOUNS)}" if rng.random() < 0.5 else invented(rng, 2)
    return f"{owner}/{name}"


def _file(rng: random.Random) -> str:
    stem = rng.choice((invented(rng), "my-model", "model", rng.choice(NOUNS)))
    return (
        rng.choice(("", "./", "/models/", "models/"))
        + stem
        + rng.choice((".gguf", ".gguf", "-q4.gguf", "-q8.gguf"))
    )


def _code(command: str) -> str:
    return f"```bash\n{command}\n```"


def command_pair(rng: random.Random) -> tuple[str, str]:
    """Return a question about one named model and the command that answers it."""
    name = model_id(rng)
    roll = rng.random()
    if roll < 0.28:
        ask = "[how do I|how can I|I want to|please|what is the command to|help me|show me how to|can I|] [pull|download|fetch|get] {m}[|?| please| from the hub]"
        return expand(ask, rng, {"m": name}), f"Pull it by its id:\n\n{_code(f'modelyard pull {name}')}"
    if roll < 0.48:
        ask = "[how do I|how can I|I want to|please|what is the command to|help me|show me how to|can I|] [run|start|chat with|talk to|try|launch] {m}[|?| please| now]"
        return expand(ask, rng, {"m": name}), f"Run it by its name:\n\n{_code(f'modelyard run {name}')}"
    if rng.random() < 0.3:
        name = _file(rng)
    precision, device = "int4", "CPU"
    words: list[str] = []
    if rng.random() < 0.75:
        precision = rng.choice(("int4", "int8", "fp16", "int4-cw"))
        words.append(expand("[to|in|with|at|with precision|as] {p}[|| precision]", rng, {"p": precision}))
    if rng.random() < 0.6:
        device = rng.choice(("CPU", "GPU", "NPU"))
        words.append(expand("[for|on|for use on|to run on] [the|a|my] {d}", rng, {"d": device}))
        if device == "NPU" and len(words) == 1:
            precision = "int4-cw"
    rng.shuffle(words)
    tail = " ".join(words)
    ask = "[how do I|how can I|I want to|please|what is the command to|help me|show me how to|can I|] [convert|transform|export|prepare|turn] {m} {t}[|?| please|]"
    command = f"modelyard convert {name} --precision {precision} --device {device}"
    return expand(ask, rng, {"m": name, "t": tail}), f"Convert it with:\n\n{_code(command)}"
