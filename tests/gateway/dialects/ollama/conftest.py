"""One Triton with parrots of several kinds, and one gateway in front of it that may change them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import ollama
import pytest

from modelyard.entry import Entry
from modelyard.manifest import Source, write_manifest
from tests.gateway.running import Gateway, Triton, add_parrot, serving
from tests.modelyard.catalog.entries import MANIFEST

# Has places for tools and for a thought, as those of Qwen 3 have.
CLEVER = (
    "{% if tools %}<tools>{{ tools | tojson }}</tools> answer with <tool_call> {% endif %}"
    "{% for message in messages %}<{{ message.role }}> {{ message.content }} "
    "{% if message.reasoning_content is defined %}(thought: {{ message.reasoning_content }}) {% endif %}"
    "{% if message.tool_call_id is defined %}({{ message.tool_call_id }} of {{ message.name }}) {% endif %}"
    "{% for call in message.tool_calls or [] %}<tool_call>{{ call | tojson }}</tool_call> {% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


# What the hub calls one of them.
PULLED = "org/bird:Q4_K_M"


def _with(repository: Path, name: str, **parameters: str) -> None:
    """A parrot with these parameters in the place of its own."""
    add_parrot(repository, name)
    config = repository / name / "config.pbtxt"
    kept = [line for line in config.read_text().splitlines() if not any(f'"{key}"' in line for key in parameters)]
    kept += [
        f'parameters {{ key: "{key}" value {{ string_value: {json.dumps(value)} }} }}'
        for key, value in parameters.items()
    ]
    config.write_text("\n".join(kept) + "\n")


@pytest.fixture(scope="session")
def nest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ollama") / "repository"
    folder.mkdir()
    add_parrot(folder, "parrot")
    _with(folder, "clever", CHAT_TEMPLATE=CLEVER)
    _with(folder, "seer", TASK="image-text-to-text")
    _with(folder, "french", ADAPTERS='["formal"]')
    add_parrot(folder, "bird-q4_k_m")
    write_manifest(Entry(folder / "bird-q4_k_m"), replace(MANIFEST, source=Source("hub", PULLED, "0" * 40)))
    return folder


@pytest.fixture(scope="session")
def ollama_gateway(nest: Path) -> Iterator[Gateway]:
    triton = Triton(nest, nest.parent / "triton.log")
    try:
        with serving([triton.url], default_model="parrot", request_timeout_s=60, model_repository=nest) as running:
            yield running
    finally:
        triton.close()


@pytest.fixture
def client(ollama_gateway: Gateway) -> Iterator[ollama.Client]:
    with ollama.Client(host=ollama_gateway.url, timeout=60, trust_env=False) as made:
        yield made


@pytest.fixture
async def async_client(ollama_gateway: Gateway) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(host=ollama_gateway.url, timeout=60, trust_env=False) as made:
        yield made


@pytest.fixture
def wire(ollama_gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=ollama_gateway.url, timeout=60, trust_env=False) as made:
        yield made
