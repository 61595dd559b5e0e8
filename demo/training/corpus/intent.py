"""An intent: one thing a user may want, the ways to ask for it and the answers to give.

Verb phrases (``do``) and noun phrases (``what``) are put into the general frames below, which
multiplies few written phrases into many questions; ``ask`` holds complete questions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .grammar import expand

DO_FRAMES: Sequence[str] = (
    "how [do|can|could|would|should|must|might] [I|I|we|you|one] {do}?",
    "how do I {do}[| with Modelyard| in Modelyard| here|, exactly]?",
    "how to {do}[?|]",
    "[what is|what's] the [best|easiest|right|usual|quickest|simplest|proper|] way to {do}?",
    "[what|which] command [lets me|do I use to|should I use to|will|is needed to] {do}?",
    "I [want|need|would like|have|wish|am supposed|was asked] to {do}[.|]",
    "I am trying to {do}[.|, any hints?|, what now?]",
    "[please|] [show|tell|teach] me how to {do}[.|]",
    "[can|could|would|will] you [explain|show me|tell me|describe] how [to|I] [|can] {do}?",
    "[steps|instructions|guide|command] [to|needed to] {do}[|?]",
    "what do I [type|run|do|need|enter|write|execute|call] [to|if I want to|when I want to] {do}?",
    "[please|] help me [to|] {do}[.|]",
    "is there [a|some|any|an easy] way to {do}?",
    "can [I|we|you] {do}[| with it| with Modelyard]?",
    "is it possible to {do}?",
    "{do}[|, how?|, please|.]",
    "what [must|should|can|could|would] [I|we] do to {do}?",
    "give me [the command|the steps|instructions|an example] to {do}",
    "I [don't|do not] know how to {do}",
    "what is [needed|required|necessary] to {do}?",
    "my [boss|team|colleague|customer] wants to {do}, how does that work?",
    "suppose I want to {do}. what then?",
    "[does|can] Modelyard [let me|help me|] {do}?",
    "[where|when] [can|do|should] I {do}?",
    "I['d like| would love| want] to know how [to|I can|one can|we] {do}[.|]",
    "[explain|describe] [to me|] how [to|one can|I] {do}[.|]",
    "[next|now|today|first|then], I [want|need|have] to {do}[.|]",
    "[our goal|my plan|the task|my goal] is to {do}. [How|What do I need|Which command]?",
    "what [are the steps|is the procedure|is the trick|is the shortest path|would it take] to {do}?",
    "any [idea|hint|advice] how to {do}?",
)

WHAT_FRAMES: Sequence[str] = (
    "[what is|what's|whats] {what}?",
    "what [is|was] {what} [again|exactly|about|for|used for|good for]?",
    "what does {what} [mean|do|stand for]?",
    "[please|] explain {what}[| to me| briefly| in a few words| to a beginner].",
    "[tell me|say something|talk] about {what}[.|]",
    "describe {what}[.|]",
    "[can|could|would] you [explain|describe|define|tell me about] {what}[| to me]?",
    "what do you know about {what}?",
    "{what}[?|]",
    "I [want|would like|need] to [know|learn|hear] about {what}",
    "[what exactly is|define] {what}[?|]",
    "give me [an|a short|a brief|a simple] explanation of {what}",
    "I have a question about {what}",
    "[info|information|details|help|documentation] [on|about] {what}",
    "what can you tell me about {what}?",
    "[what is|what do you] [meant|mean] by {what}?",
    "how does {what} work?",
    "why [do I|would I|should I|does one] [need|want|use] {what}?",
    "I [have never|never] heard of {what}",
    "[do you know|have you heard of|are you familiar with] {what}?",
    "I [do not|don't] understand {what}",
    "[a question on|something on|a word about] {what}",
    "[tell me|please say|I wonder|do you know] what {what} [is|means|does][| please|.|]",
    "[in|with] [plain|short|simple|few|easy] words, what is {what}?",
    "what [is|would be] the [meaning|purpose|point|definition|use|role|idea] of {what}?",
    "[what about|and what is|then what is|how about] {what}?",
    "[where|when|for what] is {what} [used|needed|useful]?",
    "[somebody|my boss|a friend|the manual] [mentioned|talked about|wrote about|spoke of] {what}[. What is it?|]",
)


@dataclass(frozen=True)
class Intent:
    """What may be asked about one thing and what is answered."""

    name: str
    answers: tuple[str, ...]
    ask: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    more: str = ""
    command: str = ""
    weight: float = 1.0

    def question(self, rng: random.Random) -> str:
        """Return one way to ask for this intent."""
        pools: list[str] = []
        # Whole questions are richer than framed phrases, yet each pool needs a fair share.
        pools += ["ask"] * (3 if self.ask else 0)
        pools += ["do"] * (3 if self.do else 0)
        pools += ["what"] * (2 if self.what else 0)
        pool = rng.choice(pools)
        if pool == "ask":
            return expand(rng.choice(self.ask), rng)
        if pool == "do":
            phrase = expand(rng.choice(self.do), rng)
            return expand(rng.choice(DO_FRAMES), rng, {"do": phrase})
        phrase = expand(rng.choice(self.what), rng)
        return expand(rng.choice(WHAT_FRAMES), rng, {"what": phrase})

    def answer(self, rng: random.Random) -> str:
        """Return one of the answers."""
        return rng.choice(self.answers)
