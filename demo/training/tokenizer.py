"""Train the byte-level BPE tokenizer of the demo model and give it a chat template.

All 256 bytes are in the vocabulary, so any UTF-8 text can be encoded; digits stay single, which
small sums need.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-untyped]
from transformers import PreTrainedTokenizerFast

VOCABULARY = 2560
MAX_LENGTH = 2048
FIRST_TOKENS, FIRST_WEIGHT = 10, 3.0
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
DEFAULT_SYSTEM = "You are the Modelyard demo model."

# The word pattern is the one that the Qwen2 architecture expects: runtimes that rebuild the
# tokenizer from the model type then split text in the same way as this file does.
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

CHAT_TEMPLATE = (
    "{%- if messages[0]['role'] != 'system' -%}"
    "{{- '<|system|>" + DEFAULT_SYSTEM + "<|end|>' -}}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + (message['content'] | trim) + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """Learn the merges from the given texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, special=True) for token in (PAD, END, *ROLES)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Return the tokenizer as Hugging Face transformers knows it."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(ROLES),
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def encode_chat(
    tokenizer: Tokenizer, chat: Sequence[dict[str, str]], user_weight: float
) -> tuple[list[int], list[float]]:
    """Return the token ids of a conversation and the loss weight of each token.

    The text equals what the chat template makes. Long answers get less weight per token, so
    that a few memorised pages do not drown the many short answers; the first tokens of an
    answer get more, because they decide what it is about.
    """
    messages = list(chat)
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": DEFAULT_SYSTEM})
    end = tokenizer.token_to_id(END)
    ids: list[int] = []
    weights: list[float] = []
    for message in messages:
        content = tokenizer.encode(message["content"].strip()).ids
        ids += [tokenizer.token_to_id(f"<|{message['role']}|>"), *content, end]
        if message["role"] == "assistant":
            weight = min(1.0, (40 / (len(content) + 1)) ** 0.5)
            first = min(FIRST_TOKENS, len(content))
            weights += [0.0] + [FIRST_WEIGHT] * first + [weight] * (len(content) - first + 1)
        else:
            share = user_weight if message["role"] == "user" else 0.0
            weights += [0.0] + [share] * len(content) + [0.0]
    return ids, weights
