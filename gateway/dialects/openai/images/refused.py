"""What OpenAI's API of images has and this gateway has not, by name, with the values that ask for nothing. A table."""

from __future__ import annotations

from gateway.dialects.refusals import Refusal

_ANIMATED = "animated pictures are not made"
_STEPS = "a model draws in one quality; choose 'steps', and 'size'"

REFUSED = {
    "background": Refusal("pictures are opaque", (None, "auto", "opaque")),
    "complexity": Refusal(_STEPS),
    "frame_count": Refusal(_ANIMATED),
    "frame_duration_ms": Refusal(_ANIMATED),
    "partial_images": Refusal("the engine gives no unfinished pictures", (None, 0, "0")),
    "quality": Refusal(_STEPS, (None, "auto", "standard")),
    "style": Refusal("describe the style in the prompt"),
    "svg": Refusal("pictures are made of pixels"),
}
EDIT_REFUSED = REFUSED | {
    "input_fidelity": Refusal("choose 'strength': how far to go from the image", (None, "low")),
    "markup": Refusal("say in the prompt what to change, and mark where with 'mask'"),
}
VARIATION_REFUSED = {name: REFUSED[name] for name in ("background", "quality", "style", "partial_images")}
