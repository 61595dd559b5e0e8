"""Managing models over HTTP, as a client does it: fetch one from a hub and talk to it, follow, cancel, remove."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from gateway.dialects.openai.management import schemas
from modelyard.card import ModelCard
from modelyard.catalog.configuration import parameters_of
from modelyard.cli import conversion_options
from modelyard.entry import Entry, staging_root
from modelyard.manifest import read_manifest
from modelyard.running import announce
from tests.converters.checkpoints import write_checkpoint
from tests.gateway.running import ROOT, Gateway, Triton, add_parrot, serving
from tests.hub_server import HubServer, Slow

PULL = "POST /v1/models/pull"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    folder = tmp_path_factory.mktemp("hub")
    checkpoint = write_checkpoint(folder / "tiny")
    with HubServer() as running:
        running.add_model("acme/tiny", checkpoint, revision="v2")  # it has no main branch
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("managed") / "repository"
    made.mkdir()
    add_parrot(made, "parrot")
    return made


@pytest.fixture(scope="module")
def triton(repository: Path) -> Iterator[Triton]:
    running = Triton(repository, repository.parent / "triton.log", backends=ROOT / "backends")
    yield running
    running.close()


@pytest.fixture(scope="module")
def url(triton: Triton, repository: Path, hub: HubServer) -> Iterator[str]:
    with serving(
        [triton.url],
        model_repository=repository,
        hub_endpoints=[hub.url],
        cache_dir=repository.parent / "cache",
        convert_python=Path(sys.executable),
    ) as running:
        yield running.url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        yield client


def of(gateway: Gateway) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, timeout=60, trust_env=False)


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    """What the frames say; the last one is [DONE]."""
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


def refused(response: httpx.Response, status: int, code: str, param: str | None = None) -> str:
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param), response.text
    return str(error["message"])


def ended(http: httpx.Client, job: str) -> dict[str, Any]:
    http.get(f"/v1/jobs/{job}/events")  # which lasts as long as the job
    found: dict[str, Any] = http.get(f"/v1/jobs/{job}").json()
    return found


def said(http: httpx.Client, model: str, prompt: str, **fields: Any) -> str:
    messages = [*fields.pop("before", []), {"role": "user", "content": prompt}]
    answer = http.post("/v1/chat/completions", json={"model": model, "messages": messages, **fields})
    assert answer.status_code == 200, answer.text
    content: str = answer.json()["choices"][0]["message"]["content"]
    return content


@pytest.mark.proves(PULL, "", "honoured")
@pytest.mark.proves(PULL, "source", "honoured")
@pytest.mark.proves(PULL, "name", "honoured")
@pytest.mark.proves(PULL, "precision", "honoured")
@pytest.mark.proves(PULL, "revision", "honoured")
@pytest.mark.proves(PULL, "stream", "honoured")
@pytest.mark.proves("GET /v1/jobs", "", "honoured")
@pytest.mark.proves("GET /v1/jobs/{job}", "", "honoured")
@pytest.mark.proves("GET /v1/jobs/{job}/events", "", "honoured")
@pytest.mark.proves("DELETE /v1/models/{model}", "", "honoured")
def test_a_model_is_fetched_answers_and_is_removed(http: httpx.Client, repository: Path) -> None:
    wish = {"source": "hf.co/acme/tiny", "name": "fetched", "precision": "fp16", "revision": "v2", "stream": True}
    events = events_of(http.post("/v1/models/pull", json=wish))
    first, last = events[0], events[-1]
    assert (first["object"], first["source"], first["model"]) == ("job", "acme/tiny", "fetched")
    assert (last["status"], last["error"]) == ("done", None), last
    steps = [event["step"] for event in events if event["object"] == "job.progress" and "file" not in event]
    assert steps[0].startswith("fetching")
    assert steps[-1] == "publishing"
    files = {event["file"]: event for event in events if "file" in event}
    assert all(event["completed"] == event["total"] for event in files.values())
    assert last["completed"] == last["total"] == sum(event["total"] for event in files.values()) > 100_000

    # Who comes late is told the same end, and the job can still be asked for.
    assert events_of(http.get(f"/v1/jobs/{first['id']}/events"))[-1] == last
    assert http.get(f"/v1/jobs/{first['id']}").json() == last
    assert last in http.get("/v1/jobs").json()["data"]

    manifest = read_manifest(Entry(repository / "fetched"))
    assert manifest is not None
    assert (manifest.precision, manifest.source.location) == ("fp16", "acme/tiny")
    assert "fetched" in [each["id"] for each in http.get("/v1/models").json()["data"]]
    assert said(http, "fetched", "Hello", max_tokens=4)

    deleted = http.delete("/v1/models/fetched")
    assert (deleted.status_code, deleted.json()) == (200, {"id": "fetched", "object": "model", "deleted": True})
    assert not (repository / "fetched").exists()
    assert "fetched" not in [each["id"] for each in http.get("/v1/models").json()["data"]]
    refused(http.delete("/v1/models/fetched"), 404, "model_not_found", "model")


@pytest.mark.proves(PULL, "task", "honoured")
@pytest.mark.proves(PULL, "target", "honoured")
def test_task_and_target_reach_the_plan_and_its_refusal_the_client(http: httpx.Client, repository: Path) -> None:
    wish = {"source": "acme/tiny", "name": "odd", "task": "text-ranking", "target": "triton-llamacpp", "revision": "v2"}
    answer = http.post("/v1/models/pull", json=wish)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    job = ended(http, answer.json()["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "invalid_value"), job
    assert "text-ranking" in job["error"]["message"]
    assert "triton-llamacpp" in job["error"]["message"]
    assert not (repository / "odd").exists()


def test_a_model_that_no_hub_has(http: httpx.Client) -> None:
    job = ended(http, http.post("/v1/models/pull", json={"source": "acme/none"}).json()["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "source_unavailable")
    assert "acme/none" in job["error"]["message"]
    assert job["ended_at"] >= job["created_at"]


@pytest.mark.proves(PULL, "model", "honoured")
@pytest.mark.proves("DELETE /v1/jobs/{job}", "", "honoured")
def test_two_join_and_a_cancelled_job_leaves_nothing(http: httpx.Client, hub: HubServer, repository: Path) -> None:
    hub.add_model("acme/slow", hub.models["acme/tiny"][0].folder)
    hub.order("model.safetensors", Slow(0.2, piece=2000))
    one = http.post("/v1/models/pull", json={"model": "acme/slow"}).json()
    two = http.post("/v1/models/pull", json={"source": "https://huggingface.co/acme/slow"}).json()
    assert one["id"] == two["id"]
    refused(http.post("/v1/models/pull", json={"source": "other/slow"}), 409, "model_busy")
    while http.get(f"/v1/jobs/{one['id']}").json()["status"] == "queued":
        time.sleep(0.05)
    cancelled = http.delete(f"/v1/jobs/{one['id']}")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert http.get(f"/v1/jobs/{one['id']}").json()["status"] == "cancelled"
    assert not (repository / "slow").exists()
    assert not list(staging_root(repository).glob("slow+*"))
    refused(http.delete("/v1/jobs/job-none"), 404, "job_not_found")
    refused(http.get("/v1/jobs/job-none/events"), 404, "job_not_found")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "invalid_value", "source"),
        ({"source": "/etc/passwd"}, "invalid_value", "source"),
        ({"model": "../up"}, "invalid_value", "model"),
        ({"source": "a/b", "model": "a/c"}, "unsupported_parameter", "model"),
        ({"source": "a/b", "name": "../up"}, "invalid_value", "name"),
        ({"source": "a/b", "precision": "int3"}, "invalid_value", "precision"),
        ({"source": "a/b", "target": "abacus"}, "invalid_value", "target"),
        ({"source": "a/b", "revision": "a\nb"}, "invalid_value", "revision"),
        ({"source": "a/b", "stream": "yes"}, "invalid_type", "stream"),
        ({"source": "a/b", "trust_remote_code": True}, "unknown_parameter", "trust_remote_code"),
    ],
)
def test_a_wrong_body_names_the_field(http: httpx.Client, body: dict[str, Any], code: str, param: str) -> None:
    refused(http.post("/v1/models/pull", json=body), 400, code, param)


def test_a_page_of_the_web_cannot_have_something_fetched(http: httpx.Client) -> None:
    # What a browser sends to another site without asking it first.
    for headers in ({"content-type": "text/plain"}, {}):
        answer = http.post("/v1/models/pull", content=b'{"source": "acme/none"}', headers=headers)
        assert answer.status_code == 415


def test_the_choices_are_those_of_the_command_line() -> None:
    assert get_args(schemas.Precision) == get_args(conversion_options.Precision)
    assert get_args(schemas.Target) == get_args(conversion_options.TargetWish)


def test_a_variant_has_a_voice_of_its_own(http: httpx.Client, repository: Path) -> None:
    variant = {"model": "calm", "from": "parrot", "system": "Be calm.", "parameters": {"temperature": 0.25}}
    assert http.post("/api/create", json={**variant, "stream": False}).json() == {"status": "success"}
    assert "calm" in [each["id"] for each in http.get("/v1/models").json()["data"]]
    assert said(http, "calm", "say=prompt") == "<s> <system> Be calm. <user> say=prompt <assistant>"
    own = {"role": "system", "content": "Be loud."}
    assert "calm" not in said(http, "calm", "say=prompt", before=[own])
    sampling = json.loads(said(http, "calm", "say=sampling"))
    assert (sampling["temperature"], sampling["top_p"]) == (0.25, 0.95)
    assert json.loads(said(http, "calm", "say=sampling", temperature=1))["temperature"] == 1
    assert json.loads(said(http, "parrot", "say=sampling"))["temperature"] == 0.6

    # Made anew while it is loaded, it is the new one that answers.
    variant["system"] = "Be loud."
    assert http.post("/api/create", json={**variant, "stream": False}).status_code == 200
    assert "<system> Be loud." in said(http, "calm", "say=prompt")

    broken = {"model": "broken", "from": "parrot", "template": "{{ if }", "stream": False}
    assert http.post("/api/create", json=broken).status_code == 400
    assert not (repository / "broken").exists()
    assert http.delete("/v1/models/calm").json()["deleted"]


def test_a_copy_is_served_at_once_and_takes_no_others_place(http: httpx.Client, repository: Path) -> None:
    assert http.post("/api/copy", json={"source": "parrot", "destination": "second"}).status_code == 200
    assert said(http, "second", "say=prompt").startswith("<s> <user>")
    again = http.post("/api/copy", json={"source": "parrot", "destination": "second"})
    assert again.status_code == 409
    assert "--force" not in again.text
    text = (repository / "second/config.pbtxt").read_text()
    assert ModelCard.from_parameters(parameters_of(text)).context_length == 4096
    assert http.delete("/v1/models/second").status_code == 200


def test_a_model_that_another_service_has_loaded_stays(http: httpx.Client, triton: Triton, repository: Path) -> None:
    add_parrot(repository, "shared")
    nobody = "grpc://127.0.0.1:9"
    with announce(repository, url="http://127.0.0.1:9", tritons=[nobody]):
        message = refused(http.delete("/v1/models/shared"), 409, "model_in_use")
    assert "--force" not in message
    assert (repository / "shared/config.pbtxt").is_file()
    assert http.delete("/v1/models/shared").status_code == 200


@pytest.mark.parametrize("name", ["none", "..", "a/b", "%2e%2e%2fetc", "parrot:lora"])
def test_what_is_not_there_cannot_be_removed(http: httpx.Client, name: str) -> None:
    assert http.delete(f"/v1/models/{name}").status_code in (404, 405)


def test_changes_can_be_switched_off(triton: Triton, repository: Path) -> None:
    with serving([triton.url], model_repository=repository, allow_pull=False) as gateway, of(gateway) as http:
        message = refused(http.post("/v1/models/pull", json={"source": "acme/tiny"}), 403, "not_allowed")
        refused(http.delete("/v1/models/parrot"), 403, "not_allowed")
        refused(http.delete("/v1/jobs/any"), 403, "not_allowed")
        assert http.get("/v1/jobs").json() == {"object": "list", "data": []}
    assert "MODELYARD_ALLOW_PULL" in message
    assert (repository / "parrot/config.pbtxt").is_file()


def test_models_of_other_hosts_are_not_changed_from_here(triton: Triton) -> None:
    with serving([triton.url], triton_urls=[triton.url]) as gateway, of(gateway) as http:
        refused(http.post("/v1/models/pull", json={"source": "acme/tiny"}), 409, "no_repository")
        refused(http.delete("/v1/models/parrot"), 409, "no_repository")
        refused(http.delete("/v1/models/none"), 404, "model_not_found", "model")


def test_a_gateway_that_stops_stops_its_pulls(triton: Triton, repository: Path, hub: HubServer, tmp_path: Path) -> None:
    hub.add_model("acme/stopped", hub.models["acme/tiny"][0].folder)
    hub.order("model.safetensors", *[Slow(0.2, piece=2000)] * 3)  # the header is asked for twice before the file is
    with (
        serving(
            [triton.url],
            model_repository=repository,
            hub_endpoints=[hub.url],
            cache_dir=tmp_path / "cache",
            convert_python=Path(sys.executable),
        ) as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False) as http,
    ):
        job = http.post("/v1/models/pull", json={"source": "acme/stopped"}).json()["id"]
        while not http.get(f"/v1/jobs/{job}").json()["total"]:
            time.sleep(0.05)
    assert not (repository / "stopped").exists()
    assert not list(staging_root(repository).glob("stopped+*"))
