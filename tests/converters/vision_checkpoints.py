"""Tiny vision-language checkpoints with random weights, saved as transformers saves real ones.

Knows how a checkpoint is made and what transformers answers; does not know how one is converted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.converters.checkpoints import write_tokenizer

SIDE = 56  # pixels of a test's picture
CONTEXT = 256
# What stands for an image in a prompt, as the families' own chat templates write it.
TAGS = {
    "llava": "<image>",
    "gemma3": "<start_of_image>",
    "qwen2_vl": "<|vision_start|><|image_pad|><|vision_end|>",
    "qwen2_5_vl": "<|vision_start|><|image_pad|><|vision_end|>",
}
FAMILIES = tuple(TAGS)
_SPECIAL = {
    "llava": ("<image>",),
    "gemma3": ("<start_of_image>", "<end_of_image>", "<image_soft_token>"),
    "qwen2_vl": ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    "qwen2_5_vl": ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
}


def picture(seed: int = 0) -> Any:
    """A picture, uint8 [SIDE, SIDE, 3]: colours that run across it, another way for each seed."""
    import numpy as np

    y, x = np.mgrid[0:SIDE, 0:SIDE]
    channels = [x * (4 - seed % 3), (y if seed % 2 else x) * 3 + 20 * seed, (x + y) * 2]
    return np.stack(channels, -1).astype(np.uint8)


def write_vision(folder: Path, family: str, **changes: Any) -> Path:
    """A vision-language model of a few hundred thousand random parameters, with its tokenizer and image processor.

    `changes` are figures of its language model.
    """
    import torch
    from transformers import AutoTokenizer, GenerationConfig

    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL[family])})
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    model, processor = _MAKERS[family](family, tokenizer, changes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())  # so that 16 bits lose nothing
    model.generation_config = GenerationConfig(eos_token_id=[2, 0], pad_token_id=0)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def answer(folder: Path, family: str, prompt: str, pictures: list[Any], tokens: int) -> str:
    """What transformers' own model answers greedily; each picture's tag in the prompt becomes its tokens."""
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    more: dict[str, Any] = {}
    if pictures:
        prepared = _processor_class(family).from_pretrained(folder)(
            images=[Image.fromarray(each) for each in pictures], return_tensors="pt"
        )
        more = {name: prepared[name] for name in ("pixel_values", "image_grid_thw") if name in prepared}
    for index in range(len(pictures)):
        prompt = prompt.replace(TAGS[family], _expanded(family, more, index), 1)
    # The placeholder keeps a tag that is its own expansion from being expanded again.
    ids = tokenizer(prompt.replace("\0", ""), return_tensors="pt", add_special_tokens=False).input_ids
    if family == "gemma3":
        more["token_type_ids"] = (ids == tokenizer.convert_tokens_to_ids("<image_soft_token>")).long()
    with torch.inference_mode():
        made = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, **more
        )
    return str(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True))


def _expanded(family: str, prepared: dict[str, Any], index: int) -> str:
    if family == "llava":
        return _apart("<image>") * 16 + "\n"
    if family == "gemma3":
        return f"\n\n{_apart('<start_of_image>')}{'<image_soft_token>' * 4}<end_of_image>\n\n"
    pads = int(prepared["image_grid_thw"][index].prod()) // 4
    return f"{_apart('<|vision_start|>')}{'<|image_pad|>' * pads}<|vision_end|>"


def _apart(tag: str) -> str:
    return f"{tag[0]}\0{tag[1:]}"


def _language(**changes: Any) -> dict[str, Any]:
    figures = {
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.3,  # wide, so that the likeliest token stands clear of the second
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    return figures | changes


def _llava(_family: str, tokenizer: Any, changes: dict[str, Any]) -> tuple[Any, Any]:
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration

    seeing = {
        "model_type": "clip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": SIDE,
        "patch_size": 14,
        "projection_dim": 32,
    }
    config = LlavaConfig(
        vision_config=seeing,
        text_config=_language(model_type="llama", vocab_size=len(tokenizer), **changes),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
    )
    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    return LlavaForConditionalGeneration(config), CLIPImageProcessor(**size)


def _gemma3(_family: str, tokenizer: Any, changes: dict[str, Any]) -> tuple[Any, Any]:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessor

    seeing = {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": SIDE,
        "patch_size": 14,
    }
    config = Gemma3Config(
        vision_config=seeing,
        text_config=_language(model_type="gemma3_text", vocab_size=len(tokenizer), head_dim=16, **changes),
        # Tied, as real ones are, a model of two layers would say the last token again and again.
        tie_word_embeddings=False,
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )
    return Gemma3ForConditionalGeneration(config), Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE})


def _qwen_vl(family: str, tokenizer: Any, changes: dict[str, Any]) -> tuple[Any, Any]:
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
    )

    tokens = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in tokens.items()}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    language = _language(vocab_size=len(tokenizer), rope_parameters=rope, **changes)
    seeing = {"depth": 2, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "num_heads": 2}
    model: Any
    if family == "qwen2_vl":
        seeing |= {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
        model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=language, vision_config=seeing, **ids))
    else:
        seeing |= {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 64, "window_size": 56}
        whole = {"fullatt_block_indexes": [1]}
        config = Qwen2_5_VLConfig(text_config=language, vision_config=seeing | whole, **ids)
        model = Qwen2_5_VLForConditionalGeneration(config)
    return model, Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=28 * 28 * 16)


_MAKERS = {"llava": _llava, "gemma3": _gemma3, "qwen2_vl": _qwen_vl, "qwen2_5_vl": _qwen_vl}


def _processor_class(family: str) -> Any:
    from transformers import CLIPImageProcessor, Gemma3ImageProcessor, Qwen2VLImageProcessor

    return {"llava": CLIPImageProcessor, "gemma3": Gemma3ImageProcessor}.get(family, Qwen2VLImageProcessor)
