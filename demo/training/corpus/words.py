"""Word lists shared by the generators, and invented words that force copying.

An invented word is never seen twice, so repeating it in an answer can only be learnt as
copying, which is what carries over to subjects and names outside the lists.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

NAMES: Sequence[str] = tuple(
    "Anna Ben Clara David Emma Felix Greta Hans Ida Jonas Karl Lena Max Nina Otto Paula Rosa Sam Tom Uma Vera Will "
    "Yara Zoe Alice Bob Carol Dan Erik Fatima Grace Hiro Ivan Julia Kenji Laura Marco Noor Olga Pedro Quinn Rita "
    "Sofia Tariq Ursula Victor Wanda Xavier Yuki Zara Peter Maria Lukas Hanna Miguel Aisha Chen Priya Omar Leila "
    "Björn Zoë José Chloé Jürgen Łukasz Søren Amélie Dmitri Elena Oscar Ruth Simon Thea Viktor Walter Mia Leo Noah "
    "Luca Liam Ella Amir Kofi Ayumi Mei Raj Sven Ingrid Pablo Carla Nadia Hugo Iris".split()
)

CITIES: Sequence[str] = tuple(
    "Berlin Paris Madrid Rome Vienna Prague Lisbon Oslo Helsinki Dublin Athens Warsaw Tokyo Cairo Lima Toronto Boston "
    "Chicago Sydney Nairobi Mumbai Seoul Zürich München Kraków Geneva Hamburg Porto Ghent Bergen Turin Malmö".split()
)

COLOURS: Sequence[str] = tuple(
    "red blue green yellow orange purple pink white black brown grey golden silver turquoise violet crimson".split()
)

ADJECTIVES: Sequence[str] = (
    *COLOURS,
    *(
        "small big tiny huge old young happy sad sleepy wild quiet brave lonely fluffy shiny dark bright ancient modern "
        "wooden glass stone iron paper striped spotted round tall thin fat wet dusty frozen burning flying dancing "
        "sleeping running singing smiling angry curious lazy elegant rusty colourful magic robotic mechanical glowing "
        "broken empty crowded peaceful stormy snowy foggy sunny royal friendly giant little beautiful strange".split()
    ),
)

NOUNS: Sequence[str] = tuple(
    "cat dog fox horse cow owl eagle lion tiger bear wolf rabbit mouse elephant giraffe penguin whale dolphin shark "
    "octopus turtle frog snake dragon unicorn robot knight wizard pirate astronaut farmer king queen child dancer "
    "musician painter sailor house castle tower bridge church lighthouse cabin tent train car bicycle boat ship "
    "airplane balloon rocket tractor bus motorcycle tree flower rose sunflower mushroom apple banana pumpkin cake "
    "teapot cup lamp clock book piano guitar violin umbrella hat chair table mirror candle statue fountain garden "
    "waterfall volcano mountain island river village city street market windmill snowman butterfly bee spider "
    "parrot goose hen squirrel hedgehog deer panda koala kangaroo camel llama goat sheep pig donkey crow swan".split()
)

PLACES: Sequence[str] = (
    "in a forest",
    "on the beach",
    "in the snow",
    "under a tree",
    "by a lake",
    "on a mountain",
    "in a city",
    "at night",
    "in the rain",
    "on the moon",
    "in a garden",
    "under the stars",
    "in a cave",
    "at sunset",
    "on a roof",
    "in a field",
    "near a river",
    "in the desert",
    "in space",
    "under water",
    "in a library",
    "on a boat",
    "in a castle",
    "at dawn",
    "in the fog",
    "beside a fire",
    "on a bridge",
    "in a kitchen",
    "in the clouds",
    "among flowers",
    "on a hill",
    "in a museum",
    "in a market",
    "next to a church",
    "in a train station",
    "in a meadow",
    "over the sea",
    "in autumn",
)

STYLES: Sequence[str] = (
    "watercolour",
    "oil painting",
    "pencil sketch",
    "pixel art",
    "photo",
    "cartoon",
    "comic",
    "pastel",
    "charcoal",
    "3d render",
    "woodcut",
    "poster",
)

_ONSETS = "b c d f g h j k l m n p r s t v w z br cr dr fl gr kl pl pr sch sk sl sn st tr th ch sh qu".split()
_VOWELS = "a e i o u a e i o u ai ea ee oo ou ia y".split()
_CODAS = "b d g k l m n p r s t x nd rk st lt ng sh th ck mp".split()


def invented(rng: random.Random, syllables: int | None = None) -> str:
    """Return a pronounceable word that no list holds."""
    count = syllables or rng.choice((1, 2, 2, 2, 3))
    word = ""
    for _ in range(count):
        word += rng.choice(_ONSETS) + rng.choice(_VOWELS)
    return word + (rng.choice(_CODAS) if rng.random() < 0.6 or count == 1 else "")


def gibberish(rng: random.Random) -> str:
    """Return keyboard noise of one to four chunks."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    chunks = []
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        chunk = "".join(rng.choice(letters) for _ in range(rng.randint(3, 10)))
        if rng.random() < 0.15:
            chunk += rng.choice(("!!", "??", "#", "123", "%%", ";;", "$"))
        chunks.append(chunk)
    return " ".join(chunks)


def article(word: str) -> str:
    """Return the indefinite article for a word."""
    return "an" if word[:1].lower() in "aeiou" else "a"
