"""Prints docs/compatibility.md from the tests that prove it, so that the page says what is so and no more.

A field that the published API has and no test shows is "not yet". Run it by `make docs`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.compatibility.proofs import Proof, collected
from tests.compatibility.published import PUBLISHED
from tests.compatibility.served import served

HEAD = """# Compatibility

<!-- Printed by `make docs` from the marks of the tests; change them there. -->

Each endpoint and each field of its request, as the API's own client library names them. *honoured*: it does what the
published API says. *refused*: the answer is a 400 that names the field, unless its value asks for nothing. *both*: some
values are honoured and the others refused; the API's page says which. *refused on* an engine: it is handed to the
engine that runs the model, and this one cannot do it. *not yet*: no test shows it. The last column names a file of
tests that shows each verdict."""
FAMILIES = (
    ("Anthropic", ("/v1/messages",)),
    ("OpenAI", ("/v1/", "/v2/rerank", "/tokenize", "/detokenize", "/rerank")),
    ("Ollama", ("/api/",)),
    ("Modelyard", ("/",)),
)


def main() -> None:
    print(page(collected()))


def page(proofs: list[Proof]) -> str:
    by_endpoint: dict[str, dict[str, list[Proof]]] = defaultdict(lambda: defaultdict(list))
    ours = served()
    for endpoint, fields in [*PUBLISHED.items(), *((each, operation.fields) for each, operation in ours.items())]:
        for field in ("", *fields):
            by_endpoint[endpoint][field] = []
    for proof in proofs:
        by_endpoint[proof.endpoint][proof.field].append(proof)
    lines = [HEAD]
    for family, _ in FAMILIES:
        mine = [endpoint for endpoint in by_endpoint if _family(endpoint) == family]
        if not mine:
            continue
        lines += ["", f"## {family}"]
        for endpoint in sorted(mine, key=lambda each: each.split(" ", 1)[::-1]):
            lines += ["", f"### `{endpoint}`", ""]
            if endpoint in ours and ours[endpoint].same_as:
                lines += [f"`{ours[endpoint].same_as}` at another path, with the same fields.", ""]
            lines += ["| field | | shown by |", "|---|---|---|"]
            rows = by_endpoint[endpoint]
            lines += [_row(field, rows[field]) for field in sorted(rows)]
    return "\n".join(lines)


def _family(endpoint: str) -> str:
    path = endpoint.split(" ", 1)[1]
    return next(family for family, paths in FAMILIES if path.startswith(paths))


def _row(field: str, proofs: list[Proof]) -> str:
    everywhere = sorted({proof.verdict for proof in proofs if not proof.on})
    engines = sorted({(proof.verdict, proof.on) for proof in proofs if proof.on})
    verdicts = ["both" if len(everywhere) == 2 else each for each in everywhere[:1]]
    verdicts += [f"{verdict} on {engine}" for verdict, engine in engines]
    shown: dict[tuple[str, str], str] = {}  # the first of each verdict
    for proof in proofs:
        shown.setdefault((proof.verdict, proof.on), proof.test.partition("::")[0])
    name = f"`{field}`" if field else "*the endpoint*"
    return f"| {name} | {'; '.join(verdicts) or 'not yet'} | {', '.join(dict.fromkeys(shown.values()))} |"


if __name__ == "__main__":
    main()
