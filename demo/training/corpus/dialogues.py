"""String questions and answers into conversations of one to a dozen turns.

A conversation remembers what was told, what was drawn and what was explained last, so that
"what is my name?", "again with seed 7" and "tell me more" have exactly one right answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import about, deploying, glossary, languages, models, securing, serving, smalltalk
from .commands import command_pair
from .drawing import change_pair, draw_pair, no_subject_pair
from .echo import echo_pair
from .grammar import expand, normalise, roughen
from .intent import Intent
from .memory import FACTS, ask_pair, tell_pair
from .sums import large_pair, sum_pair
from .unknown import unknown_pair

Message = dict[str, str]

INTENTS: tuple[Intent, ...] = (
    *smalltalk.INTENTS,
    *languages.INTENTS,
    *about.INTENTS,
    *models.INTENTS,
    *serving.INTENTS,
    *deploying.INTENTS,
    *securing.INTENTS,
    *glossary.INTENTS,
)
BY_NAME = {intent.name: intent for intent in INTENTS}

# Which intent speaks for a family when someone asks for more or for the command.
FAMILY = {
    "pull": "pull.howto",
    "convert": "convert.howto",
    "precision": "convert.howto",
    "models": "convert.howto",
    "run": "serve.howto",
    "serve": "serve.howto",
    "api": "serve.howto",
    "trouble": "serve.howto",
    "deploy": "deploy.howto",
    "secure": "secure.howto",
    "monitor": "monitor.howto",
    "self": "self.who",
}
MORE = (
    "[tell me|say|explain|I want to know|give me] more[| about it| about that| please| about this|, please]",
    "[more|more please|more details|details please|and more|go on|continue|please continue|keep going]",
    "[can|could] you [explain|describe] [it|that|this] in [more|greater] detail[?|]",
    "[explain|describe] [it|that|this] in detail",
    "[more information|further details|elaborate|please elaborate|a longer answer, please|longer please]",
    "[I want|give me|I need] [a longer answer|more details|the details|a longer explanation|the long version]",
    "[what else|anything else|what more] [should I know|is there to know|can you say][?|| about it?]",
    "[that was short|that is too short|is that all], tell me more",
    "can you [tell me|say] more[| about it| about that]?",
)
COMMAND = (
    "[show|give|tell] me the command[| for that| again| for it]",
    "what is the command[| for that| for it| again]?",
    "[which|what] command is [it|that]?",
    "[the command|command|only the command], please",
    "[an|show me an|give me an|can I see an|do you have an] example[?|, please|]",
    "[what do I type|what exactly do I type|how do I type that|what must I type] [then|there|now|for that]?",
)
REPEAT = (
    "[say|tell me|repeat] [that|it] again[| please]",
    "[repeat that|repeat|once more|again please|come again|pardon|can you repeat that|what did you say|could you say that again|please repeat your answer][?|]",
)
SYSTEMS = (
    "You are a helpful assistant.",
    "You are the Modelyard demo model.",
    "Answer briefly.",
    "You are a friendly assistant. Be short and clear.",
    "You help users of Modelyard.",
    "Be polite.",
    "You are a helpful, harmless assistant.",
    "You are an expert in model serving.",
    "Reply in plain English.",
)

DRILLS = 0.1  # share of conversations that are nothing but sums


@dataclass
class HeldOut:
    """Question texts and picture subjects that must not appear in the training text."""

    questions: frozenset[str] = frozenset()
    subjects: tuple[str, ...] = ()

    def hits(self, question: str) -> bool:
        """Say whether a question may not be used for training."""
        words = normalise(question)
        return words in self.questions or any(subject in words for subject in self.subjects)


@dataclass
class _State:
    facts: dict[str, str] = field(default_factory=dict)
    picture: dict[str, object] | None = None
    intent: Intent | None = None
    last: str = ""


class Writer:
    """Writes conversations from one random generator."""

    def __init__(self, rng: random.Random, held_out: HeldOut, copy_share: float = 0.0) -> None:
        """Keep the generator, what must not be written and the share of copying exercises."""
        self.rng = rng
        self.copy_share = copy_share
        self.held_out = held_out
        # Small talk is worded more freely than anything else, so it is practised more.
        self._weights = [
            intent.weight * (1.7 if intent.name[:4] in ("talk", "self") else 1.0) for intent in INTENTS
        ]

    def _copying(self, text: str) -> str:
        """Vary the first letter and the last mark only: the words must be copied exactly."""
        if self.rng.random() < 0.5:
            text = text[:1].upper() + text[1:]
        if self.rng.random() < 0.1:
            text = self.rng.choice(("hi, ", "please ", "ok, ", "and ")) + text
        return text

    def _follow_up(self, state: _State) -> tuple[str, str] | None:
        rng = self.rng
        roll = rng.random()
        if roll < 0.2 and state.last and len(state.last) < 500:
            return expand(rng.choice(REPEAT), rng), state.last
        intent = state.intent
        family = None
        if intent is not None:
            family = BY_NAME.get(FAMILY.get(intent.name.split(".")[0], ""))
        if roll < 0.6:
            more = (intent.more if intent else "") or (family.more if family else "") or about.LONG_ABOUT
            if intent is not None and intent.name.startswith("gloss"):
                more = about.LONG_ARCHITECTURE
            return expand(rng.choice(MORE), rng), more
        command = (intent.command if intent else "") or (family.command if family else "")
        return (expand(rng.choice(COMMAND), rng), command) if command else None

    def _turn(self, state: _State) -> tuple[str, str]:
        rng = self.rng
        roll = rng.random()
        picture, intent = state.picture, state.intent
        state.picture = None
        if self.copy_share and rng.random() < self.copy_share:
            question, answer = echo_pair(rng)
            return self._copying(question), answer
        if state.last and roll < 0.08:
            pair = self._follow_up(state)
            if pair is not None:
                state.picture = picture
                return roughen(pair[0], rng), pair[1]
        if picture is not None and rng.random() < 0.3:
            ask, answer, state.picture = change_pair(rng, picture)
            state.intent = None
            return self._copying(ask), answer
        untold = [fact for fact in FACTS if fact.name not in state.facts]
        told = [fact for fact in FACTS if fact.name in state.facts]
        if told and rng.random() < 0.3:
            fact = rng.choice(told)
            question, answer = ask_pair(fact, rng, state.facts[fact.name])
            return roughen(question, rng), answer
        if untold and rng.random() < 0.14:
            fact = untold[0] if rng.random() < 0.5 else rng.choice(untold)
            if rng.random() < 0.15:
                question, answer = ask_pair(fact, rng, None)
                return roughen(question, rng), answer
            question, answer, state.facts[fact.name] = tell_pair(fact, rng)
            return self._copying(question), answer
        state.intent = None
        roll = rng.random()
        if roll < 0.13:
            question, answer = sum_pair(rng)
            return roughen(question, rng, typos=False), answer
        if roll < 0.15:
            question, answer = large_pair(rng)
            return roughen(question, rng, typos=False), answer
        if roll < 0.31:
            question, answer, state.picture = draw_pair(rng)
            return self._copying(question), answer
        if roll < 0.32:
            question, answer = no_subject_pair(rng)
            return roughen(question, rng), answer
        if roll < 0.40:
            question, answer = command_pair(rng)
            return self._copying(question), answer
        if roll < 0.43:
            question, answer = echo_pair(rng)
            return self._copying(question), answer
        if roll < 0.53:
            question, answer = unknown_pair(rng)
            return roughen(question, rng), answer
        chosen = rng.choices(INTENTS, self._weights)[0]
        # A smalltalk turn in between does not end the subject that "tell me more" points at.
        state.intent = intent if chosen.name.startswith("talk") else chosen
        return roughen(chosen.question(rng), rng), chosen.answer(rng)

    def turn(self, state: _State) -> tuple[str, str]:
        """Return one question and answer that the held-out set does not contain."""
        while True:
            before = _State(dict(state.facts), state.picture, state.intent, state.last)
            question, answer = self._turn(state)
            if question and not self.held_out.hits(question):
                state.last = answer
                return question, answer
            state.facts, state.picture, state.intent = before.facts, before.picture, before.intent

    def _drill(self) -> list[Message]:
        """Return a row of short sums: over a thousand of them have to be learnt by heart."""
        messages: list[Message] = []
        for _ in range(self.rng.randint(15, 30)):
            question, answer = sum_pair(self.rng, short=self.rng.random() < 0.7)
            if not self.held_out.hits(question):
                messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return messages

    def conversation(self) -> list[Message]:
        """Return one conversation as chat messages, sometimes with a system message."""
        rng = self.rng
        messages: list[Message] = []
        if rng.random() < DRILLS:
            return self._drill()
        if rng.random() < 0.2:
            messages.append({"role": "system", "content": rng.choice(SYSTEMS)})
        state = _State()
        turns = rng.choice((1, 1, 2, 3, 4, 5, 6, 8, 10, 12))
        # Characters stand in for tokens here: about 2600 of them make 800 tokens.
        budget = 2600
        while turns > 0 and budget > 0:
            question, answer = self.turn(state)
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            budget -= len(question) + len(answer) + 20
            turns -= 1
        return messages


def conversations(
    count: int, seed: int, held_out: HeldOut, copy_share: float = 0.0
) -> Iterator[list[Message]]:
    """Yield conversations; the same seed gives the same text."""
    writer = Writer(random.Random(seed), held_out, copy_share)
    for _ in range(count):
        yield writer.conversation()
