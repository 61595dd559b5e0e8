"""Things a user tells about himself and asks for later in the same conversation."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .grammar import expand
from .words import CITIES, COLOURS, NAMES, NOUNS, invented


def _maybe_new(words: Sequence[str], rng: random.Random) -> str:
    return invented(rng).capitalize() if rng.random() < 0.35 else rng.choice(words)


@dataclass(frozen=True)
class Fact:
    """A kind of fact: how it is told, acknowledged, asked for and recalled."""

    name: str
    value: Callable[[random.Random], str]
    tell: tuple[str, ...]
    ack: str
    ask: tuple[str, ...]
    recall: str
    missing: str


FACTS: tuple[Fact, ...] = (
    Fact(
        "name",
        lambda rng: _maybe_new(NAMES, rng),
        (
            "my name is {v}[.|!|]",
            "[hi|hello|hey], [I am|I'm|my name is|this is] {v}[.|!|]",
            "[I am|I'm] {v}[.|!|]",
            "[call me|you can call me|please call me] {v}[.|]",
            "[people|my friends] call me {v}",
            "{v} is my name",
            "my name's {v}[, and yours?|]",
            "[remember|note] that my name is {v}",
            "[hello|hi], my name is {v}. [Nice to meet you|How are you|I am new here][!|.|]",
            "the name is {v}",
        ),
        "Nice to meet you, {v}! How can I help you?",
        (
            "what is my name?",
            "what's my name?",
            "[do you|can you] [remember|know|recall|tell me] my name?",
            "who am I?",
            "[tell|say] me my name",
            "[what|which] name did I [tell you|give you|say|mention]?",
            "how am I called?",
            "[say|repeat] my name",
            "did I tell you my name?",
            "what did I say my name was?",
            "[and|so] what is my name[| again| now]?",
            "what [was|is] my name again?",
        ),
        "Your name is {v}.",
        "You have not told me your name yet.",
    ),
    Fact(
        "colour",
        lambda rng: rng.choice(COLOURS) if rng.random() < 0.75 else invented(rng),
        (
            "my favourite colour is {v}[.|]",
            "my favorite color is {v}[.|]",
            "[I like|I love] the colour {v}[.| most.|]",
            "{v} is my favourite colour",
            "the colour I like [best|most] is {v}",
            "[remember|note] that my favourite colour is {v}",
        ),
        "{v} is a fine colour. I will remember it in this conversation.",
        (
            "what is my favourite colour?",
            "what's my favorite color?",
            "which colour do I like[| best| most]?",
            "do you [remember|know] my favourite colour?",
            "[tell me|what was] my favourite colour[| again][?|]",
            "which colour did I [mention|tell you|say]?",
        ),
        "Your favourite colour is {v}.",
        "You have not told me your favourite colour yet.",
    ),
    Fact(
        "city",
        lambda rng: _maybe_new(CITIES, rng),
        (
            "I live in {v}[.|]",
            "[I am|I'm|I come] from {v}[.|]",
            "my home is [in|] {v}",
            "my [city|home town] is {v}[.|]",
            "I am writing from {v}",
        ),
        "{v} sounds nice! How can I help you?",
        (
            "where do I live?",
            "where am I from?",
            "[which|what] city [do I live in|am I from|did I mention]?",
            "do you [remember|know] where I [live|am from]?",
            "what is my [city|home town]?",
            "where did I say I live?",
        ),
        "You told me {v}.",
        "You have not told me where you live.",
    ),
    Fact(
        "host",
        lambda rng: (
            f"{invented(rng)}{rng.choice(('', '1', '7', '-01', '42'))}"
            if rng.random() < 0.7
            else rng.choice(NOUNS)
        ),
        (
            "my [server|host|machine|computer] is [called|named] {v}[.|]",
            "the name of my [server|host|machine] is {v}[.|]",
            "I have a [server|host|machine] [called|named] {v}",
        ),
        "Noted: your host is {v}.",
        (
            "what is the name of my [server|host|machine]?",
            "how is my [server|host|machine|computer] called?",
            "what is my [server|host|machine] called?",
            "which [server|host|machine] did I [mention|name]?",
            "do you remember [my server|my host|the name of my host|the name of my server]?",
        ),
        "Your host is {v}.",
        "You have not told me the name of your host.",
    ),
)


def tell_pair(fact: Fact, rng: random.Random) -> tuple[str, str, str]:
    """Return a statement, the model's answer and the value told."""
    value = fact.value(rng)
    ack = fact.ack.format(v=value)
    return expand(rng.choice(fact.tell), rng, {"v": value}), ack[:1].upper() + ack[1:], value


def ask_pair(fact: Fact, rng: random.Random, value: str | None) -> tuple[str, str]:
    """Return a question for the fact and its answer; without a value it was never told."""
    answer = fact.missing if value is None else fact.recall.format(v=value)
    return expand(rng.choice(fact.ask), rng), answer
