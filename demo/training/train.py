"""Train the Modelyard demo model from scratch on a CPU and save it as a Hugging Face folder.

Example: ``python demo/training/train.py --tokens 9000000 --output demo/checkpoint``. The run
logs its loss and the time left, saves its state regularly and goes on with ``--resume``.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer  # type: ignore[import-untyped]
from transformers import Qwen2Config, Qwen2ForCausalLM

from build_corpus import SEED, epoch_conversations, load_held_out
from export import save
from tokenizer import END, MAX_LENGTH, PAD, encode_chat, train_tokenizer

COPY_SHARE = 0.7
Batch = tuple[torch.Tensor, torch.Tensor]


def build_model(vocabulary: int, pad: int, end: int, args: argparse.Namespace) -> Any:
    """Return a small Qwen2 model with random weights."""
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=args.hidden,
        num_hidden_layers=args.layers,
        intermediate_size=args.intermediate,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        use_cache=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    return Qwen2ForCausalLM(config)


def batches(tokenizer: Tokenizer, epoch: int, copy_share: float, args: argparse.Namespace) -> Iterator[Batch]:
    """Yield padded batches of one epoch, conversations of like length together."""
    chats = epoch_conversations(epoch, load_held_out(), args.seed, copy_share=copy_share)
    rows = [encode_chat(tokenizer, chat, args.user_weight) for chat in chats]
    rows = [(ids[: args.length], weights[: args.length]) for ids, weights in rows]
    rows.sort(key=lambda row: len(row[0]))
    pad = tokenizer.token_to_id(PAD)
    groups: list[list[tuple[list[int], list[float]]]] = [[]]
    for row in rows:
        if groups[-1] and (len(groups[-1]) + 1) * len(row[0]) > args.batch_tokens:
            groups.append([])
        groups[-1].append(row)
    random.Random(args.seed + epoch).shuffle(groups)
    for group in groups:
        width = max(len(ids) for ids, _ in group)
        ids = torch.full((len(group), width), pad)
        weights = torch.zeros((len(group), width))
        for index, (row_ids, row_weights) in enumerate(group):
            ids[index, : len(row_ids)] = torch.tensor(row_ids)
            weights[index, : len(row_weights)] = torch.tensor(row_weights)
        yield ids, weights


def loss_of(model: Any, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the weighted cross entropy of the next tokens."""
    # Padding is on the right, so the causal mask alone hides it from the real tokens.
    counted = weights[:, 1:] > 0
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[:, :-1][counted])
    losses = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][counted], reduction="none")
    share = weights[:, 1:][counted]
    total: torch.Tensor = (losses * share).sum() / share.sum()
    return total


def learning_rate(step: int, done: float, args: argparse.Namespace) -> float:
    """Return the rate: a short rise, then half a cosine down to two percent."""
    rise = min(1.0, (step + 1) / args.warmup)
    fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return float(args.lr * rise * fall)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the finished checkpoint")
    parser.add_argument(
        "--state", type=Path, default=Path("train-state.pt"), help="file that holds the state of the run"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the state file")
    parser.add_argument("--tokens", type=int, default=9_000_000, help="training tokens, padding included")
    parser.add_argument(
        "--minutes", type=float, default=0, help="end after these minutes at the latest; 0: no limit"
    )
    parser.add_argument("--batch-tokens", type=int, default=2048, help="tokens per step")
    parser.add_argument(
        "--copy-tokens", type=int, default=1_000_000, help="tokens of the first part, mostly copying"
    )
    parser.add_argument("--length", type=int, default=1200, help="longest conversation in tokens")
    parser.add_argument("--lr", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--warmup", type=int, default=100, help="steps of rising learning rate")
    parser.add_argument(
        "--user-weight", type=float, default=0.1, help="loss weight of the questions; answers have 1"
    )
    parser.add_argument("--hidden", type=int, default=256, help="hidden size")
    parser.add_argument("--layers", type=int, default=6, help="number of layers")
    parser.add_argument("--intermediate", type=int, default=640, help="size of the feed-forward layers")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of text and weights")
    parser.add_argument("--save-minutes", type=float, default=4.0, help="minutes between two saved states")
    return parser.parse_args()


def main() -> None:
    """Train until the token budget is spent."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.resume:
        # Revised text must not change the tokens that the weights were trained with.
        tokenizer = Tokenizer.from_file(str(args.output / "tokenizer.json"))
    else:
        chats = epoch_conversations(0, load_held_out(), args.seed)
        tokenizer = train_tokenizer(message["content"] for chat in chats for message in chat)
    model = build_model(
        tokenizer.get_vocab_size(), tokenizer.token_to_id(PAD), tokenizer.token_to_id(END), args
    )
    # Vectors (norms and biases) must not be pulled towards zero.
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.05},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95), fused=True)
    seen = step = epoch = skip = 0
    if args.resume:
        state = torch.load(args.state, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        seen, step, epoch, skip = state["seen"], state["step"], state["epoch"], state["index"]
    print(
        f"{sum(p.numel() for p in model.parameters())} parameters, vocabulary {tokenizer.get_vocab_size()}",
        flush=True,
    )

    started, saved, start_seen, mean = time.time(), time.time(), seen, 0.0
    finished = False
    while not finished:
        # Copying is what a small model learns last and needs most, so it is drilled first.
        copy_share = COPY_SHARE if seen < args.copy_tokens else 0.0
        for index, (ids, weights) in enumerate(batches(tokenizer, epoch, copy_share, args)):
            if index < skip:
                continue
            done = seen / args.tokens
            if args.minutes:
                # The schedule must come to its end in time, however slow the machine is.
                begun = start_seen / args.tokens
                done = max(done, begun + (1 - begun) * (time.time() - started) / (60 * args.minutes))
            finished = done >= 1
            rate = learning_rate(step, done, args)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(model, ids, weights)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            seen, step = seen + ids.numel(), step + 1
            mean = loss.item() if mean == 0.0 else 0.97 * mean + 0.03 * loss.item()
            if step % 25 == 0:
                speed = (seen - start_seen) / (time.time() - started)
                left = max(0, args.tokens - seen) / speed / 60
                print(
                    f"step {step} epoch {epoch} tokens {seen} loss {mean:.3f} "
                    f"lr {rate:.1e} {speed:.0f} tok/s, {left:.1f} min left",
                    flush=True,
                )
            finished = finished or seen >= args.tokens
            if finished or time.time() - saved > args.save_minutes * 60:
                saved = time.time()
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                torch.save(
                    {**state, "seen": seen, "step": step, "epoch": epoch, "index": index + 1}, args.state
                )
                save(model, tokenizer, args.output)
            if finished:
                break
        epoch, skip = epoch + 1, 0
    print(f"done in {(time.time() - started) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
