"""Every field of OpenAI's smaller endpoints that cannot be honoured is refused by name, and so is every wrong body."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from gateway.media.audio import encode


def _png(size: tuple[int, int] = (8, 8), colour: Any = "teal", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


_JSON = {"Content-Type": "application/json"}

# The parrot is no model of these tasks, so a request that comes so far is refused for its model.
BODIES: dict[str, dict[str, Any]] = {
    "/v1/embeddings": {"model": "parrot", "input": "x"},
    "/v1/rerank": {"model": "parrot", "query": "x", "documents": ["y"]},
    "/v1/moderations": {"model": "parrot", "input": "x"},
    "/v1/images/generations": {"model": "parrot", "prompt": "x"},
    "/v1/images/edits": {"model": "parrot", "prompt": "x"},
    "/v1/images/variations": {"model": "parrot"},
    "/v1/audio/transcriptions": {"model": "parrot"},
    "/v1/audio/translations": {"model": "parrot"},
    "/v1/audio/speech": {"model": "parrot", "input": "x", "voice": "alloy"},
}
FILES: dict[str, dict[str, tuple[str, bytes]]] = {
    "/v1/images/edits": {"image": ("x.png", _png())},
    "/v1/images/variations": {"image": ("x.png", _png())},
    "/v1/audio/transcriptions": {"file": ("x.wav", b"RIFF")},
    "/v1/audio/translations": {"file": ("x.wav", b"RIFF")},
}


def _ask(http: httpx.Client, path: str, **more: Any) -> httpx.Response:
    body = {name: value for name, value in {**BODIES[path], **more}.items() if value is not ...}
    if path in FILES:
        return http.post(path, data=body, files=FILES[path])
    return http.post(path, json=body)


def _refused(path: str, *cases: tuple[str, Any]) -> list[Any]:
    return [
        pytest.param(path, name, value, id=f"{path} {name}", marks=pytest.mark.proves(f"POST {path}", name, "refused"))
        for name, value in cases
    ]


_PICTURE: tuple[tuple[str, Any], ...] = (
    ("background", "transparent"),
    ("complexity", "high"),
    ("frame_count", 4),
    ("frame_duration_ms", 100),
    ("partial_images", 2),
    ("quality", "hd"),
)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        *_refused(
            "/v1/rerank",
            ("max_tokens_per_doc", 100),
            ("max_chunks_per_doc", 2),
            ("rank_fields", ["title"]),
            ("truncation", False),
            ("return_embeddings", True),
        ),
        *_refused("/v1/images/generations", *_PICTURE, ("style", "vivid"), ("svg", {"model": "x"})),
        *_refused("/v1/images/edits", *_PICTURE, ("input_fidelity", "high"), ("markup", "x"), ("svg[model]", "x")),
        *_refused(
            "/v1/audio/transcriptions",
            ("chunking_strategy", "auto"),
            ("temperature", "0.5"),
            ("include[]", "logprobs"),
            ("known_speaker_names[]", "ann"),
            ("known_speaker_references[]", "data:,"),
        ),
        *_refused("/v1/audio/translations", ("temperature", "0.5")),
        *_refused("/v1/audio/speech", ("instructions", "whisper")),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, path: str, name: str, value: Any) -> None:
    answer = _ask(http, path, **{name: value})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == name.partition("[")[0]
    assert error["code"] == "unsupported_parameter"
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/rerank", {"max_tokens_per_doc": None, "rank_fields": ["text"], "priority": 1}),
        ("/v1/embeddings", {"user": "me", "encoding_format": None, "dimensions": None}),
        (
            "/v1/images/generations",
            {"background": "auto", "quality": "auto", "partial_images": 0, "style": None, "moderation": "low"},
        ),
        ("/v1/images/edits", {"background": "opaque", "input_fidelity": "low", "user": "me", "size": "auto"}),
        ("/v1/images/variations", {"user": "me", "n": "2"}),
        ("/v1/audio/speech", {"instructions": "", "stream_format": "audio", "speed": 1}),
    ],
)
def test_a_value_that_asks_for_nothing_is_taken_and_the_model_is_the_next_to_be_refused(
    http: httpx.Client, path: str, more: dict[str, Any]
) -> None:
    answer = _ask(http, path, **more)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "model"
    assert "'parrot' does not" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
def test_unknown_fields_are_named(http: httpx.Client, path: str) -> None:
    error = _ask(http, path, nobodys_field="").json()["error"]
    assert (error["param"], error["code"]) == ("nobodys_field", "unknown_parameter")


@pytest.mark.parametrize("path", [path for path in BODIES if path not in FILES])
def test_an_empty_model_is_named(http: httpx.Client, path: str) -> None:
    error = _ask(http, path, model="").json()["error"]
    assert (error["param"], error["code"]) == ("model", "invalid_value")


@pytest.mark.parametrize("path", BODIES)
def test_a_model_that_is_not_there_is_not_found(http: httpx.Client, path: str) -> None:
    heard = {"file": ("x.wav", encode(bytes(4 * 16_000), 16_000, "wav"))}
    files = heard if "audio/tr" in path else FILES.get(path)
    body = {**BODIES[path], "model": "nobody"}
    answer = http.post(path, data=body, files=files) if files else http.post(path, json=body)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("path", "more", "param"),
    [
        ("/v1/embeddings", {"input": ""}, "input"),
        ("/v1/embeddings", {"input": []}, "input"),
        ("/v1/embeddings", {"input": ["x", ""]}, "input[1]"),
        ("/v1/embeddings", {"input": ["x"] * 2049}, "input"),
        ("/v1/embeddings", {"input": [[1, 2], []]}, "input[1]"),
        ("/v1/embeddings", {"input": ["x", 1]}, "input"),
        ("/v1/embeddings", {"input": [True]}, "input"),
        ("/v1/embeddings", {"input": [-1]}, "input[0]"),
        ("/v1/embeddings", {"input": [2**31]}, "input[0]"),
        ("/v1/embeddings", {"input": {"text": "x"}}, "input"),
        ("/v1/embeddings", {"input": "\ud800"}, None),
        ("/v1/embeddings", {"dimensions": 0}, "dimensions"),
        ("/v1/embeddings", {"encoding_format": "hex"}, "encoding_format"),
        ("/v1/rerank", {"documents": []}, "documents"),
        ("/v1/rerank", {"documents": ["x", {"title": "y"}]}, "documents[1].text"),
        ("/v1/rerank", {"query": ""}, "query"),
        ("/v1/rerank", {"top_n": 0}, "top_n"),
        ("/v1/moderations", {"input": [{"type": "image_url", "image_url": {"url": "x"}}]}, "input[0].type"),
        ("/v1/moderations", {"input": ["x", {"type": "text", "text": "y"}]}, "input"),
        ("/v1/moderations", {"input": []}, "input"),
        ("/v1/images/generations", {"prompt": ""}, "prompt"),
        ("/v1/images/generations", {"prompt": "x" * 32_001}, "prompt"),
        ("/v1/images/generations", {"n": 11}, "n"),
        ("/v1/images/generations", {"size": "large"}, "size"),
        ("/v1/images/generations", {"size": "0x64"}, "size"),
        ("/v1/images/generations", {"output_format": "gif"}, "output_format"),
        ("/v1/images/generations", {"output_compression": 50}, "output_compression"),
        ("/v1/images/generations", {"stream": True, "response_format": "url"}, "response_format"),
        ("/v1/images/edits", {"n": "many"}, "n"),
        ("/v1/images/edits", {"strength": "2"}, "strength"),
        ("/v1/images/edits", {"lora": "swirl"}, "lora"),
        ("/v1/audio/transcriptions", {"response_format": "diarized_json"}, "response_format"),
        ("/v1/audio/transcriptions", {"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ("/v1/audio/transcriptions", {"stream": "true", "response_format": "srt"}, "stream"),
        ("/v1/audio/transcriptions", {"languages[]": ["de", "fr"]}, "languages"),
        ("/v1/audio/speech", {"speed": 5}, "speed"),
        ("/v1/audio/speech", {"voice": ...}, "voice"),
        ("/v1/audio/speech", {"response_format": "midi"}, "response_format"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, path: str, more: dict[str, Any], param: str | None) -> None:
    if param is None:
        answer = http.post(path, content=b'{"model": "parrot", "input": "\\ud800"}', headers=_JSON)
    else:
        answer = _ask(http, path, **more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("path", FILES)
def test_forms_fail_as_forms(http: httpx.Client, path: str) -> None:
    (name,) = FILES[path]
    missing = http.post(path, data=BODIES[path], files={"other": ("x", b"")})
    assert missing.status_code == 400
    assert missing.json()["error"]["param"] in (name, "other")
    twice = http.post(path, data={**BODIES[path], "model": ["a", "b"]}, files=FILES[path])
    assert (twice.status_code, twice.json()["error"]["param"]) == (400, "model")
    other = http.post(path, content=b"x", headers={"Content-Type": "text/plain"})
    assert other.status_code == 415
    broken = http.post(path, content=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=y"})
    assert broken.status_code == 400
    unbounded = http.post(path, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert unbounded.status_code == 400
    malformed = http.post(path, content=b"{", headers=_JSON)
    assert malformed.status_code == 400
    a_list = http.post(path, content=b"[]", headers=_JSON)
    assert a_list.status_code == 400


@pytest.mark.parametrize(
    ("files", "param"),
    [
        ({"image": _png(), "mask": _png((4, 4), (0, 0, 0, 0), "RGBA")}, "mask"),
        ({"image": b"no picture"}, "image"),
        ({"image": _png()[:40]}, "image"),
        ({"image": _png(), "mask": b"GIF89a"}, "mask"),
    ],
)
def test_a_file_that_is_no_picture_is_named(http: httpx.Client, files: dict[str, bytes], param: str) -> None:
    path = "/v1/images/edits"
    answer = http.post(path, data=BODIES[path], files={name: ("x.png", file) for name, file in files.items()})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_several_images_are_refused(http: httpx.Client) -> None:
    path = "/v1/images/edits"
    answer = http.post(path, data=BODIES[path], files=[("image[]", ("x.png", _png())), ("image[]", ("y.png", _png()))])
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "image"


def test_an_image_may_come_as_base64_in_json(http: httpx.Client) -> None:
    path = "/v1/images/edits"
    coded = base64.b64encode(_png()).decode()
    for image in (coded, f"data:image/png;base64,{coded}", [coded]):
        assert http.post(path, json={**BODIES[path], "image": image}).json()["error"]["param"] == "model"
    wrong = http.post(path, json={**BODIES[path], "image": "???"})
    assert wrong.json()["error"]["param"] == "image[0]"


def test_without_a_model_and_without_one_of_the_task_the_field_is_named(http: httpx.Client) -> None:
    for path, body in (("/v1/moderations", {"input": "x"}), ("/v1/images/generations", {"prompt": "x"})):
        answer = http.post(path, json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "model"
