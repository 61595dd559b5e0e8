"""The official `ollama` client, unmodified, against the gateway: what is installed, loaded, made, copied, removed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import ollama
import pytest

from tests.gateway.dialects.ollama.conftest import PULLED

CREATE, SHOW, PULL = "POST /api/create", "POST /api/show", "POST /api/pull"
proves = pytest.mark.proves


@proves("GET /api/tags", "", "honoured")
def test_models_are_listed_with_a_tag(client: ollama.Client) -> None:
    listed = {each.model: each for each in client.list().models}
    assert {"parrot:latest", "clever:latest", "seer:latest"} <= listed.keys()
    parrot = listed["parrot:latest"]
    assert len(parrot.digest or "") == 64
    assert (parrot.size or 0) > 0
    assert parrot.modified_at is not None
    assert parrot.details is not None


@proves("POST /api/show", "", "honoured")
@proves(SHOW, "model", "honoured")
@proves(SHOW, "name", "honoured")
@proves(SHOW, "verbose", "honoured")
def test_a_model_is_shown(client: ollama.Client, wire: httpx.Client) -> None:
    shown = client.show("clever:latest")
    assert shown.capabilities == ["completion", "thinking", "tools"]
    assert shown.modelinfo is not None
    assert shown.modelinfo[f"{shown.modelinfo['general.architecture']}.context_length"] == 4096
    assert "tools | tojson" in (shown.template or "")
    assert (shown.modelfile or "").startswith("FROM clever\n")
    assert (shown.parameters or "").split() == ["temperature", "0.6", "top_p", "0.95", "top_k", "20"]
    assert client.show("seer").capabilities == ["completion", "vision"]
    assert wire.post("/api/show", json={"name": "parrot", "verbose": True}).json()["capabilities"] == ["completion"]
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found"):
        client.show("nobody")


@proves("GET /api/ps", "", "honoured")
def test_models_in_memory_are_listed(client: ollama.Client) -> None:
    client.generate("parrot", keep_alive="10m")
    running = {each.model: each for each in client.ps().models}["parrot:latest"]
    assert running.name == "parrot:latest"
    assert running.expires_at is not None
    assert running.context_length == 4096
    assert running.size_vram == 0
    client.generate("parrot", keep_alive=-1)
    for_ever = {each.model: each for each in client.ps().models}["parrot:latest"]
    assert for_ever.expires_at is not None
    assert for_ever.expires_at > running.expires_at


@proves("GET /api/version", "", "honoured")
@proves("HEAD /", "", "honoured")
def test_somebody_is_there(wire: httpx.Client) -> None:
    for path in ("/", "/api/version", "/api/tags"):
        assert wire.head(path).status_code == 200
        assert wire.get(path).status_code == 200
    assert [int(part) for part in wire.get("/api/version").json()["version"].split(".")] >= [0, 6, 4]


@proves("POST /api/copy", "", "honoured")
@proves("POST /api/copy", "source", "honoured")
@proves("POST /api/copy", "destination", "honoured")
@proves("DELETE /api/delete", "", "honoured")
@proves("DELETE /api/delete", "model", "honoured")
@proves("DELETE /api/delete", "name", "honoured")
def test_a_model_is_copied_and_removed(client: ollama.Client, wire: httpx.Client) -> None:
    assert client.copy("parrot:latest", "polly:latest").status == "success"
    assert client.generate("polly", "words=1").response == "polly "
    with pytest.raises(ollama.ResponseError) as caught:
        client.copy("parrot", "polly")
    assert caught.value.status_code == 409
    assert client.delete("polly").status == "success"
    with pytest.raises(ollama.ResponseError, match="model 'polly' not found"):
        client.delete("polly")
    assert wire.request("DELETE", "/api/delete", json={"name": "polly"}).status_code == 404
    with pytest.raises(ollama.ResponseError, match="'destination'"):
        client.copy("parrot", "not/a/name")


@proves(CREATE, "", "honoured")
@proves(CREATE, "model", "honoured")
@proves(CREATE, "name", "honoured")
@proves(CREATE, "from", "honoured")
@proves(CREATE, "system", "honoured")
@proves(CREATE, "template", "honoured")
@proves(CREATE, "parameters", "honoured")
@proves(CREATE, "stream", "honoured")
def test_a_model_is_made_of_another(client: ollama.Client, wire: httpx.Client) -> None:
    progress = client.create(
        "mario",
        from_="parrot:latest",
        system="You are Mario.",
        template="[{{ .System }}|{{ .Prompt }}] {{ .Response }}",
        parameters={"temperature": 0.1, "num_predict": 4, "stop": ["Luigi"], "num_ctx": 4096},
        stream=True,
    )
    assert [each.status for each in progress][-1] == "success"
    assert (
        client.generate("mario", "say=prompt", options={"num_predict": 99}).response == "[You are Mario.|say=prompt] "
    )
    sampling = json.loads(client.generate("mario", "say=sampling").response or "")
    assert (sampling["temperature"], sampling["max_tokens"], sampling["stop"]) == (0.1, 4, ["Luigi"])
    shown = client.show("mario")
    assert 'SYSTEM """You are Mario."""' in (shown.modelfile or "")
    assert wire.post("/api/create", json={"name": "mario", "from": "parrot", "stream": False}).json() == {
        "status": "success"
    }
    client.delete("mario")


@proves(CREATE, "license", "honoured")
def test_a_model_made_of_another_may_have_a_licence_of_its_own(client: ollama.Client, wire: httpx.Client) -> None:
    assert wire.post("/api/show", json={"model": PULLED}).json()["license"] == ""
    client.create("free", from_=PULLED, license=["MIT", "BSD"])
    assert wire.post("/api/show", json={"model": "free"}).json()["license"] == "MIT\n\nBSD"
    client.delete("free")


@proves(CREATE, "modelfile", "honoured")
def test_a_model_is_made_by_a_modelfile(client: ollama.Client, wire: httpx.Client) -> None:
    text = 'FROM parrot\nSYSTEM """Sing."""\nPARAMETER temperature 0.2\nPARAMETER stop Luigi\n'
    answer = wire.post("/api/create", json={"model": "singer", "modelfile": text, "stream": False})
    assert answer.json() == {"status": "success"}
    sampling = json.loads(client.generate("singer", "say=sampling").response or "")
    assert (sampling["temperature"], sampling["stop"]) == (0.2, ["Luigi"])
    assert "Sing." in (client.generate("singer", "say=prompt").response or "")
    client.delete("singer")


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("/api/create", {"from": "parrot", "messages": [{"role": "user", "content": "x"}]}),
    ("/api/create", {"from": "parrot", "quantize": "q4_K_M"}),
    ("/api/create", {"from": "parrot", "quantization": "q4_K_M"}),
    ("/api/create", {"from": "parrot", "adapters": {"a": "sha256:0"}}),
    ("/api/create", {"from": "parrot", "files": {"a": "sha256:0"}}),
    ("/api/create", {"from": "parrot", "path": "/etc/passwd"}),
    ("/api/pull", {"insecure": True}),
    ("/api/pull", {"username": "me"}),
    ("/api/pull", {"password": "x"}),
    ("/api/show", {"system": "x"}),
    ("/api/show", {"template": "x"}),
    ("/api/show", {"options": {"seed": 1}}),
]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        pytest.param(
            path, given, id=f"{path} {list(given)[-1]}", marks=proves(f"POST {path}", list(given)[-1], "refused")
        )
        for path, given in REFUSED
    ],
)
def test_fields_that_cannot_be_honoured_are_refused(wire: httpx.Client, path: str, given: dict[str, Any]) -> None:
    answer = wire.post(path, json={"model": "other", **given})
    assert answer.status_code == 400
    assert f"'{list(given)[-1]}' cannot be honoured" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "given", "status", "said"),
    [
        ("/api/create", {"model": "x"}, 400, "'from' is missing"),
        ("/api/create", {"from": "parrot"}, 400, "'model' is missing"),
        ("/api/create", {"model": "x", "from": "nobody"}, 404, "model 'nobody' not found"),
        ("/api/create", {"model": "parrot", "from": "parrot"}, 400, "'from'"),
        ("/api/create", {"model": "a/b", "from": "parrot"}, 400, "'model'"),
        ("/api/create", {"model": "x", "from": "parrot", "template": "{{ .Nothing }}"}, 400, "'template'"),
        ("/api/create", {"model": "x", "from": "parrot", "parameters": {"num_ctx": 9999}}, 400, "parameters.num_ctx"),
        ("/api/create", {"model": "x", "from": "parrot", "parameters": {"mirostat": 1}}, 400, "parameters.mirostat"),
        ("/api/create", {"model": "x", "modelfile": "FROM parrot\nPARAMETER top_p high"}, 400, "top_p"),
        ("/api/create", {"model": "x", "modelfile": "FROM parrot\nRUN x"}, 400, "line 2"),
        ("/api/pull", {"model": "../secret"}, 400, "'model'"),
        ("/api/show", {}, 400, "'model' is missing"),
        ("/api/show", {"model": "a", "name": "b"}, 400, "'name'"),
        ("/api/copy", {"source": "nobody", "destination": "x"}, 404, "model 'nobody' not found"),
        ("/api/copy", {"source": "parrot"}, 400, "'destination' is missing"),
        ("/api/blobs/sha256:0", {}, 400, "not uploaded"),
    ],
)
def test_what_is_wrong_is_said(wire: httpx.Client, path: str, given: dict[str, Any], status: int, said: str) -> None:
    answer = wire.post(path, json=given)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert said in answer.json()["error"]


@proves("POST /api/push", "", "refused")
@proves("POST /api/push", "model", "refused")
@proves("POST /api/push", "stream", "refused")
@proves("POST /api/push", "insecure", "refused")
@proves("HEAD /api/blobs/{digest}", "", "refused")
def test_nothing_is_pushed_or_uploaded(client: ollama.Client, wire: httpx.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="not pushed"):
        client.push("parrot")
    with pytest.raises(ollama.ResponseError, match="not pushed"):
        list(client.push("parrot", insecure=True, stream=True))
    assert wire.head("/api/blobs/sha256:0").status_code == 404
