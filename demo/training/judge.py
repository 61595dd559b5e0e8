"""Judge answers of the demo model by rules: keywords, exact numbers and JSON that parses.

``judge(case, answer)`` needs nothing but the standard library, so an end-to-end test can put
the held-out questions to a running service and judge what comes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RULES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).with_name("rules.json")).read_text(encoding="utf-8")
)
_FENCE = re.compile(r"```image_prompt\s*\n(.*?)\n?```", re.DOTALL)
_NUMBER = re.compile(r"-?\d+")
_REFUSAL = "i do not know"
_LONGEST = 90


def image_prompt(answer: str) -> dict[str, Any] | None:
    """Return the JSON object of the one ``image_prompt`` block, or None if it is not right."""
    blocks = _FENCE.findall(answer)
    if len(blocks) != 1:
        return None
    try:
        value = json.loads(blocks[0])
    except json.JSONDecodeError:
        return None
    if isinstance(value, dict) and isinstance(value.get("prompt"), str):
        return value
    return None


def _keywords(rule: Mapping[str, Any], text: str) -> bool:
    if not all(any(word in text for word in group) for group in rule.get("all", [])):
        return False
    if any(word in text for word in rule.get("none", [])):
        return False
    words = len(text.split())
    # An answer that recites everything must not pass as the answer to one short question.
    most = rule.get("max_words", _LONGEST if "min_words" not in rule else words)
    return int(rule.get("min_words", 0)) <= words <= int(most)


def _picture(case: Mapping[str, Any], answer: str) -> bool:
    value = image_prompt(answer)
    if value is None:
        return False
    words = re.findall(r"\w+", value["prompt"].lower())
    if any(word not in words for word in re.findall(r"\w+", str(case["subject"]).lower())):
        return False
    return all(value.get(key) == wanted for key, wanted in case.get("values", {}).items())


def judge(case: Mapping[str, Any], answer: str) -> bool:
    """Say whether the answer is right for the case.

    A case names its ``kind``: ``keywords`` (a rule of rules.json, or its own ``expect``),
    ``sum`` (the last number must be ``result``), ``unknown`` (an honest refusal) or ``picture``.
    """
    text = " ".join(answer.lower().split())
    kind = case["kind"]
    if kind == "picture":
        return _picture(case, answer)
    if "```image_prompt" in text:
        return False
    if kind == "unknown":
        return text.startswith(_REFUSAL) and "```" not in text
    if _REFUSAL in text:
        return False
    if kind == "sum":
        numbers = _NUMBER.findall(text.split("=")[-1])
        return len(numbers) == 1 and int(numbers[0]) == case["result"]
    if kind == "keywords":
        rule = case.get("expect") or RULES[str(case["rule"])]
        return _keywords(rule, text)
    raise ValueError(f"unknown kind of case: {kind}")
