"""Tiny speech checkpoints with random weights, saved as transformers saves real ones: Whisper, SpeechT5, its vocoder.

Knows how a checkpoint is made and what a test's audio is; does not know how one is converted.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

RATE = 16_000
LENGTH_RATIO = 2.0
LANGUAGES = ("en", "de", "fr")
_TEXT = ["The boats came in at dawn.", "Der Zug fuhr ab.", "one two three four five six seven"]
_ALPHABET = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ ,.!?' 0123456789"
_WORDS = 300  # of the byte-level vocabulary, special tokens apart


def samples(seconds: float, *, pitch: float = 220.0) -> list[float]:
    """A tone that rises and swells: no silence, no noise, the same every time."""
    import numpy as np

    time = np.arange(int(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (pitch + 40 * time) * time) * (0.4 + 0.3 * np.sin(2 * np.pi * 3 * time))
    return tone.astype(np.float32).tolist()


def write_whisper(folder: Path, *, multilingual: bool = True, alignment: bool = True, **changes: Any) -> Path:
    """A Whisper of two layers and all that belongs to it; without `alignment` it cannot time single words."""
    import torch
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
    )

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _whisper_tokenizer(folder, multilingual=multilingual)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)

    def token(text: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(text))

    end, start, first_time = token("<|endoftext|>"), token("<|startoftranscript|>"), token("<|0.00|>")
    figures: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "d_model": 64,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 128,
        "decoder_ffn_dim": 128,
        "num_mel_bins": 80,
        "max_target_positions": 96,
        "init_std": 0.3,  # wide, so that the likeliest token stands clear of the second
        "decoder_start_token_id": start,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(WhisperConfig(**(figures | changes))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())  # so that 16 bits lose nothing
        # A real model says no times unless it is asked to, and text that is no text only seldom.
        words = model.model.decoder.embed_tokens.weight
        words[first_time:] *= 0.25
        words[:_WORDS][[not name.isascii() for name in tokenizer.convert_ids_to_tokens(range(_WORDS))]] *= 0.25
    generation: dict[str, Any] = {
        "decoder_start_token_id": start,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "max_length": 24,
        "is_multilingual": multilingual,
        "no_timestamps_token_id": first_time - 1,
        "prev_sot_token_id": token("<|startofprev|>"),
        "max_initial_timestamp_index": 50,
        "return_timestamps": False,
        "begin_suppress_tokens": [end],
        # All that is no text, as real ones suppress it.
        "suppress_tokens": [start, *(token(f"<|{name}|>") for name in ("startoflm", "startofprev", "nospeech"))],
    }
    if multilingual:
        languages = {f"<|{name}|>": token(f"<|{name}|>") for name in LANGUAGES}
        tasks = {name: token(f"<|{name}|>") for name in ("translate", "transcribe")}
        generation |= {"lang_to_id": languages, "task_to_id": tasks}
        generation["suppress_tokens"] += [*languages.values(), *tasks.values()]
    if alignment:
        generation["alignment_heads"] = [[0, 1], [1, 2]]
    model.generation_config = GenerationConfig(**generation)
    model.save_pretrained(folder)
    return folder


def _whisper_tokenizer(folder: Path, *, multilingual: bool) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import WhisperTokenizer

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        _TEXT, trainers.BpeTrainer(vocab_size=_WORDS, initial_alphabet=alphabet, show_progress=False)
    )
    made = json.loads(bpe.to_str())["model"]
    scratch = folder / "bpe"
    scratch.mkdir()
    (scratch / "vocab.json").write_text(json.dumps(made["vocab"]))
    (scratch / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in made["merges"])]))
    tokenizer = WhisperTokenizer.from_pretrained(scratch)
    shutil.rmtree(scratch)
    names = ["startoftranscript", *(LANGUAGES if multilingual else ()), "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    special = ["<|endoftext|>", *(f"<|{name}|>" for name in names)]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{index * 0.02:.2f}|>" for index in range(1501)])
    return tokenizer


def write_speecht5(folder: Path, **changes: Any) -> Path:
    """A SpeechT5 of two layers. Its dropout while speaking is 0, which makes transformers say the same every time."""
    import torch
    from transformers import SpeechT5Config, SpeechT5FeatureExtractor, SpeechT5ForTextToSpeech, SpeechT5Processor

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _letters(folder)
    SpeechT5Processor(SpeechT5FeatureExtractor(), tokenizer).save_pretrained(folder)
    figures: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "decoder_layers": 2,
        "decoder_attention_heads": 4,
        "decoder_ffn_dim": 64,
        "speech_decoder_prenet_units": 16,
        "speech_decoder_postnet_units": 16,
        "max_text_positions": 600,
        "speech_decoder_prenet_dropout": 0.0,
        "conv_dim": (16,) * 7,
    }
    torch.manual_seed(7)
    model = SpeechT5ForTextToSpeech(SpeechT5Config(**(figures | changes))).eval()
    with torch.no_grad():
        model.speech_decoder_postnet.prob_out.bias.fill_(-4.0)  # or it would be over after the first step
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    model.save_pretrained(folder)
    # Two frames of sound for each letter at most, not twenty.
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"maxlenratio": LENGTH_RATIO}))
    return folder


def write_vocoder(folder: Path) -> Path:
    """The HiFi-GAN that makes samples of SpeechT5's spectrograms, with few channels."""
    import torch
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    torch.manual_seed(7)
    config = SpeechT5HifiGanConfig(upsample_initial_channel=16, initializer_range=0.3)
    SpeechT5HifiGan(config).eval().save_pretrained(folder)
    return folder


def write_voice(folder: Path, name: str, *, pitch: float) -> Path:
    """A speaker's embedding as the entry keeps it."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.bin"
    np.sin(pitch * np.arange(512)).astype(np.float32).tofile(path)
    return path


def _letters(folder: Path) -> Any:
    """SpeechT5's kind of tokenizer: a SentencePiece model of single letters."""
    import io

    import sentencepiece
    from transformers import SpeechT5Tokenizer

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([_ALPHABET] * 4),
        model_writer=made,
        model_type="char",
        vocab_size=80,
        hard_vocab_limit=False,
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    path = folder / "spm_char.model"
    path.write_bytes(made.getvalue())
    return SpeechT5Tokenizer(str(path))
