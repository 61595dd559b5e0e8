"""Tiny Diffusers pipelines with random weights, one for each family of image models, saved as real ones are.

Knows how a pipeline is put together; does not know how one is converted or served.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZE = 64  # pixels on a side that every one of them makes when not told otherwise
CLIP_TOKENS = 77
_LATENT = SIZE // 8
_WIDTH = 32
_TEXT = ["a lighthouse on a cliff at dawn", "two boats in a quiet harbour", "a red house with a green door"]


def write_pipeline(folder: Path, family: str = "sd", **changes: Any) -> Path:
    """A pipeline of a family (a key of FAMILIES); `changes` are components put in another's place."""
    import torch

    torch.manual_seed(11)
    components_dir = folder.with_name(f"{folder.name}-tokenizers")
    pipeline = FAMILIES[family](components_dir, changes)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def write_large_pipeline(folder: Path) -> Path:
    """A Stable Diffusion of about 100 M parameters, nearly all of them in the UNet."""
    return write_pipeline(folder, "sd", unet=_unet(block_out_channels=(320, 640), norm_num_groups=32))


def write_large_xl(folder: Path) -> Path:
    """A Stable Diffusion XL of about as many, with two text encoders and layers of attention in the UNet."""
    return write_pipeline(folder, "sdxl", unet=_unet_xl(block_out_channels=(320, 640), norm_num_groups=32))


def write_strict_pipeline(folder: Path) -> Path:
    """A Stable Diffusion whose safety checker takes offence at everything."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    figures = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    vision = {**figures, "image_size": 32, "patch_size": 16}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=figures, vision_config=vision, projection_dim=16))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2)  # likeness is a cosine, and this is what it must exceed
        checker.special_care_embeds_weights.fill_(2)
    eyes = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return write_pipeline(folder, "sd", safety_checker=checker, feature_extractor=eyes, requires_safety_checker=True)


def write_lora(folder: Path, name: str, scale: float = 1.0, family: str = "sd") -> Path:
    """A LoRA adapter for the attention of the tiny UNet of `sd`, `lcm` or `sdxl`, in Diffusers' own form."""
    import torch
    from safetensors.torch import save_file

    unet = _unet_xl() if family == "sdxl" else _unet()
    generator = torch.Generator().manual_seed(3)
    tensors = {}
    for path, module in unet.named_modules():
        if path.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            rank, into, out = 4, module.in_features, module.out_features
            tensors[f"unet.{path}.lora_A.weight"] = torch.randn(rank, into, generator=generator) * scale
            tensors[f"unet.{path}.lora_B.weight"] = torch.randn(out, rank, generator=generator) * scale
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def _clip_tokenizer(folder: Path) -> Any:
    """A byte-level BPE with CLIP's own tokens and files; the length is left out, as many checkpoints leave it out."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: place for place, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder)


def _t5_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=100, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(_TEXT * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", pad_token="<pad>", model_max_length=512
    )


def _clip(kind: str = "CLIPTextModel", **figures: Any) -> Any:
    import transformers

    config = transformers.CLIPTextConfig(
        vocab_size=514,
        hidden_size=_WIDTH,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=CLIP_TOKENS,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        projection_dim=_WIDTH,
        **figures,
    )
    return getattr(transformers, kind)(config).eval()


def _t5(width: int = _WIDTH) -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(vocab_size=100, d_model=width, d_kv=8, d_ff=37, num_layers=2, num_heads=4, is_gated_act=True)
    return T5EncoderModel(config).eval()


def _vae(**figures: Any) -> Any:
    """Four levels, so that a pixel of the latent space stands for eight of the image, as in real ones."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        sample_size=SIZE,
        **({"latent_channels": 4} | figures),
    ).eval()


def _unet_figures(**figures: Any) -> dict[str, Any]:
    return {
        "sample_size": _LATENT,
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": _WIDTH,
        "attention_head_dim": 4,
        **figures,
    }


def _unet(**figures: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**_unet_figures(**figures)).eval()


def _diffusion_parts(scratch: Path) -> dict[str, Any]:
    from diffusers import PNDMScheduler

    return {
        "vae": _vae(),
        "text_encoder": _clip(),
        "tokenizer": _clip_tokenizer(scratch / "tokenizer"),
        "scheduler": PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def _sd(scratch: Path, changes: dict[str, Any]) -> Any:
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(**({**_diffusion_parts(scratch), "unet": _unet()} | changes))


def _sd_inpainting(scratch: Path, changes: dict[str, Any]) -> Any:
    """The kind with a UNet of its own for filling in: it sees the mask and the masked image beside the latents."""
    from diffusers import StableDiffusionInpaintPipeline

    return StableDiffusionInpaintPipeline(**({**_diffusion_parts(scratch), "unet": _unet(in_channels=9)} | changes))


def _lcm(scratch: Path, changes: dict[str, Any]) -> Any:
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    parts = {**_diffusion_parts(scratch), "unet": _unet(time_cond_proj_dim=16)}
    parts["scheduler"] = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    return LatentConsistencyModelPipeline(**(parts | changes))


def _sdxl(scratch: Path, changes: dict[str, Any]) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    parts = {
        "vae": _vae(),
        "text_encoder": _clip(),
        "text_encoder_2": _clip("CLIPTextModelWithProjection", hidden_act="gelu"),
        "tokenizer": _clip_tokenizer(scratch / "tokenizer"),
        "tokenizer_2": _clip_tokenizer(scratch / "tokenizer_2"),
        "unet": _unet_xl(),
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading"
        ),
    }
    return StableDiffusionXLPipeline(**(parts | changes), add_watermarker=False)


def _unet_xl(**figures: Any) -> Any:
    xl = {
        "cross_attention_dim": 2 * _WIDTH,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + _WIDTH,
        "transformer_layers_per_block": (1, 1),
        "use_linear_projection": True,
    }
    return _unet(**(xl | figures))


def _sd3(scratch: Path, changes: dict[str, Any]) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    parts = {
        "transformer": SD3Transformer2DModel(
            sample_size=_LATENT,
            patch_size=2,
            in_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=_WIDTH,
            joint_attention_dim=2 * _WIDTH,
            pooled_projection_dim=2 * _WIDTH,
            out_channels=16,
            pos_embed_max_size=96,
        ).eval(),
        "text_encoder": _clip("CLIPTextModelWithProjection"),
        "text_encoder_2": _clip("CLIPTextModelWithProjection", hidden_act="gelu"),
        "text_encoder_3": _t5(2 * _WIDTH),
        "tokenizer": _clip_tokenizer(scratch / "tokenizer"),
        "tokenizer_2": _clip_tokenizer(scratch / "tokenizer_2"),
        "tokenizer_3": _t5_tokenizer(),
        "vae": _vae(latent_channels=16, shift_factor=0.0609, scaling_factor=1.5305),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }
    return StableDiffusion3Pipeline(**(parts | changes))


def _flux(scratch: Path, changes: dict[str, Any]) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    parts = {
        "transformer": FluxTransformer2DModel(
            patch_size=1,
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=_WIDTH,
            pooled_projection_dim=_WIDTH,
            axes_dims_rope=[4, 4, 8],
            guidance_embeds=False,
        ).eval(),
        "text_encoder": _clip(),
        "text_encoder_2": _t5(),
        "tokenizer": _clip_tokenizer(scratch / "tokenizer"),
        "tokenizer_2": _t5_tokenizer(),
        "vae": _vae(latent_channels=16, shift_factor=0.1159, scaling_factor=0.3611),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=1.0),
    }
    return FluxPipeline(**(parts | changes))


FAMILIES: dict[str, Callable[[Path, dict[str, Any]], Any]] = {
    "sd": _sd,
    "sd-inpainting": _sd_inpainting,
    "lcm": _lcm,
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
}
