"""The tokenizer in a GGUF file, as the Hugging Face form that everything else here reads.

transformers (5.0) takes a byte-level tokenizer of a Llama file for another kind and loses its special tokens, so
byte-level tokenizers are put together here from the file's own lists. Knows llama.cpp's names of kinds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelyard.errors import TokenizerMissing

_CONTROL, _USER_DEFINED = 3, 4  # llama.cpp's kinds of tokens
_ROLES = ("bos", "eos", "unknown", "padding", "seperator", "cls", "mask")  # the misspelling is the format's own
_NAMES = {"unknown": "unk_token", "padding": "pad_token", "seperator": "sep_token"}

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# How a text is cut into words before it is cut into tokens, by `tokenizer.ggml.pre`; None is GPT-2's own way.
_CUTS: dict[str, str | None] = {
    **dict.fromkeys(("default", "gpt-2", "mpt", "olmo", "phi-2", "jais", "exaone", "trillion"), None),
    **dict.fromkeys(
        ("llama-bpe", "llama3", "llama-v3", "smaug-bpe", "falcon3", "dbrx"),
        rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}{{1,3}}|{_REST}",
    ),
    **dict.fromkeys(
        ("qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan"),
        rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}|{_REST}",
    ),
}
_DIGITS_APART = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell"})
_WHOLE_WORDS_FIRST = frozenset({"llama-bpe", "llama3", "llama-v3", "falcon3"})
_NORMALIZED = frozenset({"qwen2", "deepseek-r1-qwen"})


def tokenizer_of(file: Path) -> Any:
    """A PreTrainedTokenizerFast with the file's special tokens and chat template. Raises TokenizerMissing."""
    import gguf
    from transformers import PreTrainedTokenizerFast

    reader = gguf.GGUFReader(file)

    def value(key: str) -> Any:
        found = reader.get_field(f"tokenizer.{key}")
        return None if found is None else found.contents()

    kind, tokens = value("ggml.model"), value("ggml.tokens")
    if not tokens:
        raise TokenizerMissing(file, "the file has no list of tokens")
    if kind == "gpt2":
        made = _byte_level(file, tokens, value)
    elif kind == "llama":
        made = _sentence_pieces(tokens, value)
    else:
        raise TokenizerMissing(file, f"tokenizers of the kind '{kind}' are read by llama.cpp only")
    ids = {role: value(f"ggml.{role}_token_id") for role in _ROLES}
    roles = {_NAMES.get(role, f"{role}_token"): tokens[place] for role, place in ids.items() if place is not None}
    fast = PreTrainedTokenizerFast(tokenizer_object=made, **roles)
    fast.chat_template = value("chat_template")
    return fast


def _byte_level(file: Path, tokens: list[str], value: Any) -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    cut = str(value("ggml.pre") or "default")
    if cut not in _CUTS and cut not in _DIGITS_APART:
        raise TokenizerMissing(file, f"how its tokenizer cuts words ('{cut}') is known to llama.cpp only")
    merges = [tuple(merge.split(" ", 1)) for merge in value("ggml.merges") or ()]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=cut in _WHOLE_WORDS_FIRST))
    own_cut = _CUTS.get(cut)
    pieces: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if cut in _DIGITS_APART else []
    pieces += [pre_tokenizers.Split(Regex(own_cut), behavior="isolated")] if own_cut else []
    pieces.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=own_cut is None))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pieces)
    tokenizer.decoder = decoders.ByteLevel()
    if cut in _NORMALIZED:
        tokenizer.normalizer = normalizers.NFC()
    kinds = value("ggml.token_type") or [1] * len(tokens)
    for token, kind in zip(tokens, kinds, strict=False):
        if kind in (_CONTROL, _USER_DEFINED):
            tokenizer.add_tokens([AddedToken(token, special=kind == _CONTROL, normalized=False)])
    _put_first(tokenizer, tokens, value)
    return tokenizer


def _sentence_pieces(tokens: list[str], value: Any) -> Any:
    from transformers.integrations.ggml import convert_gguf_tokenizer

    keys = ("tokens", "scores", "merges", "token_type", "bos_token_id", "eos_token_id", "unknown_token_id")
    found = {key: value(f"ggml.{key}") for key in keys}
    tokenizer, _ = convert_gguf_tokenizer(
        "llama", {"tokenizer_type": "llama", **{key: each for key, each in found.items() if each is not None}}
    )
    _put_first(tokenizer, tokens, value)
    return tokenizer


def _put_first(tokenizer: Any, tokens: list[str], value: Any) -> None:
    """The token that every text begins with, where the file wants one."""
    from tokenizers import processors

    first, wanted = value("ggml.bos_token_id"), value("ggml.add_bos_token")
    if first is not None and (wanted if wanted is not None else value("ggml.model") == "llama"):
        token = tokens[first]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, first)]
        )
