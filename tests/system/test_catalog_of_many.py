"""One service for a repository of many kinds: OpenVINO, llama.cpp and an encoder side by side, with adapters."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from modelyard.entry import staging_root
from tests.converters.checkpoints import write_adapter
from tests.converters.encoder_checkpoints import write_encoder
from tests.converters.gguf_files import write_gguf
from tests.hub_server import HubServer
from tests.modelyard.catalog.entries import content_of
from tests.system.service import MODELYARD, ROOT, Service, environment, serving


def modelyard(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MODELYARD, *arguments], env=environment(**settings), cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    files = tmp_path_factory.mktemp("files")
    write_gguf(files / "tiny-Q8_0.gguf", "Q8_0")
    with HubServer() as server:
        server.add_model("org/tiny-gguf", files)
        yield server


@pytest.fixture(scope="module")
def many(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The GGUF file is not installed when the service starts: it is a hub id that it is told to serve."""
    folder = tmp_path_factory.mktemp("many")
    repository = folder / "model_repository"
    base = Path(shutil.copytree(ROOT / "demo/checkpoint", folder / "base"))
    adapter = write_adapter(folder / "loud", base, seed=3, alpha=8)
    encoder = write_encoder(folder / "encoder", "bert")
    for arguments in (
        ["convert", str(base), "--name", "demo", "--precision", "fp16", "--lora", f"loud={adapter}"],
        ["convert", str(encoder), "--name", "encoder"],
    ):
        made = modelyard(*arguments, model_repository=repository)
        assert made.returncode == 0, made.stderr
    settings = {
        "auto_download": "true",
        "models": "demo,encoder,org/tiny-gguf:Q8_0",
        "hub_endpoints": hub.url,
        "cache_dir": folder / "cache",
    }
    with serving(repository, folder, **settings) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def asked(many: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{many.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_every_model_and_every_variant_is_listed(asked: openai.OpenAI) -> None:
    assert [model.id for model in asked.models.list()] == ["demo", "demo:loud", "encoder", "tiny-gguf-Q8_0"]


def test_a_variant_answers_for_itself(asked: openai.OpenAI) -> None:
    def answer(model: str) -> str:
        question = [{"role": "user", "content": "What is Modelyard?"}]
        made = asked.chat.completions.create(model=model, messages=question, temperature=0, max_tokens=16)
        assert made.model == model
        return made.choices[0].message.content or ""

    assert "model" in answer("demo")
    assert answer("demo:loud") != answer("demo")
    with pytest.raises(openai.NotFoundError, match=r"demo:quiet.*demo:loud"):
        answer("demo:quiet")


def test_llama_cpp_answers_through_the_same_gateway(asked: openai.OpenAI) -> None:
    question = [{"role": "user", "content": "hello world"}]
    made = asked.chat.completions.create(model="tiny-gguf-Q8_0", messages=question, temperature=0, max_tokens=8)
    assert made.usage is not None
    assert made.usage.completion_tokens <= 8
    streamed = asked.chat.completions.create(
        model="tiny-gguf-Q8_0", messages=question, temperature=0, max_tokens=8, stream=True
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices]
    assert "".join(pieces) == made.choices[0].message.content


def test_a_model_that_makes_no_text_says_so(asked: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'encoder' does not generate text"):
        asked.chat.completions.create(model="encoder", messages=[{"role": "user", "content": "hello"}])


def test_the_catalog_knows_what_the_service_does(many: Service, asked: openai.OpenAI, tmp_path: Path) -> None:
    repository = many.repository
    asked.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}], max_tokens=1)
    listed = json.loads(modelyard("models", "--json", model_repository=repository).stdout)
    known = {model["name"]: model for model in listed}
    assert {name: model["loaded"] for name, model in known.items()} == dict.fromkeys(known, True)
    assert known["demo"]["last_used"] is not None
    refused = modelyard("rm", "encoder", model_repository=repository)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    archive = tmp_path / "demo.tar"
    assert modelyard("export", "demo", str(archive), model_repository=repository).returncode == 0
    assert modelyard("import", str(archive), "--name", "again", model_repository=repository).returncode == 0
    asked.chat.completions.create(model="again", messages=[{"role": "user", "content": "hi"}], max_tokens=1)
    assert modelyard("verify", model_repository=repository).returncode == 0
    assert modelyard("rm", "again", "--force", model_repository=repository).returncode == 0


def test_looking_copying_and_tidying_up_beside_a_service_leave_it_its_models(
    many: Service, asked: openai.OpenAI
) -> None:
    repository = many.repository
    asked.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}], max_tokens=1)
    shown = modelyard("show", "demo", model_repository=repository).stdout.splitlines()
    assert ["loaded", "yes"] in [line.split() for line in shown]
    known = json.loads(modelyard("info", "demo", "--json", model_repository=repository).stdout)
    assert known["loaded"] is True
    assert len(known["services"]) == 1
    before = content_of(repository)
    half = staging_root(repository) / "demo+killed"
    half.mkdir(parents=True)
    (half / "weights").write_bytes(bytes(1234))
    assert modelyard("cp", "demo", "twin", model_repository=repository).returncode == 0
    tidied = json.loads(modelyard("gc", "--json", model_repository=repository).stdout)
    assert (tidied["freed"], half.exists()) == (1234, False)
    answers = {
        asked.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "hi"}], max_tokens=8, temperature=0
        )
        .choices[0]
        .message.content
        for name in ("demo", "twin")
    }
    assert len(answers) == 1
    assert modelyard("rm", "twin", "--force", model_repository=repository).returncode == 0
    assert content_of(repository) == before
