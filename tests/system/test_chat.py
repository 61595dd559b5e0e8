"""`POST /chat`: one conversation per user, of a bounded number of turns."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from tests.system.service import ROOT, Service


def _ask(service: Service, user: str, message: str) -> dict[str, object]:
    answer = httpx.post(f"{service.url}/chat", json={"user_id": user, "message": message}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_user_is_remembered_and_another_is_not_mixed_in(service: Service) -> None:
    _ask(service, "maria", "My name is Maria.")
    _ask(service, "ben", "My name is Ben.")
    assert "Maria" in str(_ask(service, "maria", "What is my name?")["reply"])
    assert "Ben" in str(_ask(service, "ben", "What is my name?")["reply"])


def test_a_picture_is_answered_with_an_image_prompt_block(service: Service) -> None:
    reply = str(_ask(service, "painter", "Draw a red lighthouse on a cliff, please.")["reply"])
    block = re.search(r"```image_prompt\n(.*?)```", reply, flags=re.S)
    assert block, reply
    assert "lighthouse" in json.loads(block[1])["prompt"]


def test_held_out_questions_are_answered_on_topic_by_the_served_model(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "demo/training")
    from check import ask  # type: ignore[import-not-found]
    from judge import judge  # type: ignore[import-not-found]

    cases = [json.loads(line) for line in (ROOT / "demo/training/heldout.jsonl").read_text().splitlines()]
    with httpx.Client(base_url=service.url, timeout=60) as http:

        def answer(messages: list[dict[str, str]]) -> str:
            wish = {"model": "demo", "messages": messages, "temperature": 0}
            said = http.post("/v1/chat/completions", json=wish)
            return str(said.json()["choices"][0]["message"]["content"])

        right = sum(judge(case, ask(case, answer)) for case in cases)
    assert len(cases) >= 100
    assert right / len(cases) >= 0.8
