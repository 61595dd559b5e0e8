"""Build the training conversations of one or more epochs and prove that they are clean.

Every epoch has its own seed and therefore its own text; held-out questions are rejected while
writing and looked for once more in the finished text.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from corpus.dialogues import HeldOut, Message, conversations
from corpus.grammar import normalise

HERE = Path(__file__).resolve().parent
SEED = 20250
CONVERSATIONS_PER_EPOCH = 2000


def load_cases(path: Path = HERE / "heldout.jsonl") -> list[dict[str, object]]:
    """Read the held-out cases, one JSON object a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def load_held_out(path: Path = HERE / "heldout.jsonl") -> HeldOut:
    """Return the texts of the held-out cases that training must not see.

    Only the last question of a case is judged; the turns before it set the scene and may be
    ordinary ones.
    """
    questions: set[str] = set()
    subjects: list[str] = []
    for case in load_cases(path):
        turns = case["turns"]
        assert isinstance(turns, list)
        # A bare "what is my name?" is only held out together with its history.
        if len(turns) == 1:
            questions.add(normalise(str(turns[-1])))
        if "subject" in case:
            subjects.append(normalise(str(case["subject"])))
    return HeldOut(frozenset(questions), tuple(subjects))


def epoch_conversations(
    epoch: int,
    held_out: HeldOut,
    seed: int = SEED,
    count: int = CONVERSATIONS_PER_EPOCH,
    copy_share: float = 0.0,
) -> list[list[Message]]:
    """Return the conversations of one epoch, checked against the held-out set."""
    chats = list(conversations(count, seed * 1000 + epoch, held_out, copy_share))
    assert_clean(chats, held_out)
    return chats


def assert_clean(chats: Sequence[Sequence[Message]], held_out: HeldOut) -> None:
    """Fail when a held-out question or picture subject occurs in the conversations."""
    for chat in chats:
        for message in chat:
            if message["role"] == "user" and held_out.hits(message["content"]):
                raise AssertionError(f"held-out text in the corpus: {message['content']!r}")


def main() -> None:
    """Write the conversations as JSON lines, for reading and counting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=1, help="number of epochs to write (default 1)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the text")
    parser.add_argument("--count", type=int, default=CONVERSATIONS_PER_EPOCH, help="conversations per epoch")
    parser.add_argument("--output", type=Path, required=True, help="file to write, one conversation a line")
    args = parser.parse_args()

    held_out = load_held_out()
    turns = characters = 0
    with args.output.open("w", encoding="utf-8") as file:
        for epoch in range(args.epochs):
            for chat in epoch_conversations(epoch, held_out, args.seed, args.count):
                file.write(json.dumps(chat, ensure_ascii=False) + "\n")
                turns += sum(message["role"] == "assistant" for message in chat)
                characters += sum(len(message["content"]) for message in chat)
    print(
        f"{args.epochs * args.count} conversations, {turns} answers, {characters} characters; held-out set not contained"
    )


if __name__ == "__main__":
    main()
