"""A language model small enough for tests and real enough for the engine: random weights, exported as entries are.

The tokenizer is byte-level, so that generated text splits characters between tokens, and it adds a BOS token.
Run as a program: `python tiny_model.py FOLDER` writes the version folder of an entry.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CONTEXT = 512
BOS, EOS = "<s>", "</s>"
_SENTENCE = "hello world the quick brown fox jumps over a lazy dog and then some more words come after that"


def write_tokenizer(folder: Path) -> int:
    """Write a byte-level BPE tokenizer and return the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[BOS, EOS, "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_SENTENCE] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=EOS)
    fast.save_pretrained(folder)
    return len(tokenizer.get_vocab())


def write_model(folder: Path) -> None:
    """Write the version folder: the IR, the tokenizer in both forms, and the checkpoint's own configuration."""
    import tempfile

    import torch
    from optimum.exporters.openvino import main_export
    from transformers import Qwen2Config, Qwen2ForCausalLM

    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = Path(scratch)
        vocabulary = write_tokenizer(checkpoint)
        torch.manual_seed(7)
        config = Qwen2Config(
            vocab_size=vocabulary,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            bos_token_id=0,
            eos_token_id=1,
            tie_word_embeddings=False,
            # The default of 0.02 makes every next token about as likely as any other; greedy paths would hang on
            # rounding. With 0.3 they are distinct and still do not fall into one repeated token.
            initializer_range=0.3,
        )
        Qwen2ForCausalLM(config).eval().save_pretrained(checkpoint)
        main_export(str(checkpoint), str(folder), task="text-generation-with-past", convert_tokenizer=True)
    assert json.loads((folder / "config.json").read_text())["max_position_embeddings"] == CONTEXT


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
