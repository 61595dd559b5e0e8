"""What /api/generate and /api/chat do not take, and how they say so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

GENERATE, CHAT = "POST /api/generate", "POST /api/chat"
proves = pytest.mark.proves


REFUSED_OPTIONS: dict[str, object] = {
    "typical_p": 0.5,
    "tfs_z": 0.5,
    "mirostat": 2,
    "mirostat_tau": 4.0,
    "mirostat_eta": 0.2,
    "num_keep": 24,
    "penalize_newline": False,
    "numa": True,
    "num_batch": 1,
    "num_gpu": 1,
    "main_gpu": 1,
    "num_thread": 2,
    "low_vram": True,
    "f16_kv": False,
    "use_mmap": False,
    "use_mlock": True,
    "logits_all": True,
    "vocab_only": True,
    "embedding_only": True,
}


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize(
    "option",
    [
        pytest.param(
            name,
            marks=[proves(CHAT, f"options.{name}", "refused"), proves(GENERATE, f"options.{name}", "refused")],
        )
        for name in REFUSED_OPTIONS
    ],
)
def test_options_that_cannot_be_had_are_refused(wire: httpx.Client, path: str, option: str) -> None:
    answer = wire.post(path, json={"model": "parrot", "options": {option: REFUSED_OPTIONS[option]}})
    assert answer.status_code == 400
    assert f"options.{option}" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("asking", [True, False], ids=["asking", "loading"])
@proves(CHAT, "options.num_ctx", "honoured")
@proves(GENERATE, "options.num_ctx", "honoured")
def test_the_context_that_the_model_has_is_had_and_no_more(wire: httpx.Client, path: str, asking: bool) -> None:
    texts = {
        "/api/chat": {"messages": [{"role": "user", "content": "words=1"}]},
        "/api/generate": {"prompt": "words=1"},
    }
    given: dict[str, Any] = {"model": "parrot", "stream": False, **(texts[path] if asking else {})}
    assert wire.post(path, json={**given, "options": {"num_ctx": 4096}}).status_code == 200
    answer = wire.post(path, json={**given, "options": {"num_ctx": 4097}})
    assert answer.status_code == 400
    assert "'options.num_ctx' cannot be honoured: the model's context is 4096 tokens" in answer.json()["error"]


REFUSED: list[tuple[str, dict[str, object]]] = [
    ("/api/generate", {"suffix": "x"}),
    ("/api/generate", {"context": [1, 2]}),
    ("/api/generate", {"width": 512}),
    ("/api/generate", {"height": 512}),
    ("/api/generate", {"steps": 4}),
    ("/api/generate", {"truncate": True}),
    ("/api/generate", {"shift": True}),
    ("/api/chat", {"truncate": True}),
    ("/api/chat", {"shift": True}),
    ("/api/generate", {"_debug_render_only": True}),
    ("/api/chat", {"_debug_render_only": True}),
]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        pytest.param(
            path, given, id=f"{path} {next(iter(given))}", marks=proves(f"POST {path}", next(iter(given)), "refused")
        )
        for path, given in REFUSED
    ],
)
def test_fields_that_cannot_be_honoured_are_refused(wire: httpx.Client, path: str, given: dict[str, object]) -> None:
    answer = wire.post(path, json={"model": "parrot", **given})
    assert answer.status_code == 400
    assert f"'{next(iter(given))}' cannot be honoured" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/api/chat", {"model": "parrot", "messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
        ("/api/chat", {"model": "parrot", "messages": [{"role": "user", "tool_name": "x"}]}, "messages[0]"),
        ("/api/chat", {"model": "parrot", "messages": [{"role": "user", "images": ["%%"]}]}, "messages[0].images[0]"),
        ("/api/chat", {"messages": []}, "model"),
        ("/api/chat", {"model": "parrot", "think": "much"}, "think"),
        ("/api/chat", {"model": "parrot", "keep_alive": "soon"}, "keep_alive"),
        ("/api/chat", {"model": "parrot", "tools": [{"type": "function"}]}, "tools[0].function"),
        ("/api/chat", {"model": "parrot", "options": {"temperature": "warm"}}, "options.temperature"),
        ("/api/chat", {"model": "parrot", "nonsense": 1}, "nonsense"),
        ("/api/generate", {"model": "parrot", "prompt": 5}, "prompt"),
        ("/api/generate", {"model": "parrot", "prompt": "x", "template": "{{ .Prompt | x }}"}, "template"),
        ("/api/generate", {"model": "parrot", "prompt": "x", "template": "{% if %}"}, "template"),
        ("/api/generate", {"model": "parrot", "prompt": "x", "format": "yaml"}, "format"),
        ("/api/generate", {"model": "parrot", "prompt": "x " * 5000, "raw": True}, "tokens"),
    ],
)
def test_a_wrong_body_is_refused_in_ollamas_form(wire: httpx.Client, path: str, body: object, named: str) -> None:
    answer = wire.post(path, json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert named in answer.json()["error"]
