"""GGUF files both ways, with the real Triton: as they are by llama.cpp, and dequantized into OpenVINO IR."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from converters.exporters.openvino_gguf import dequantize
from converters.source import open_checkpoint
from modelyard import errors
from modelyard.manifest import Fidelity
from tests.backends.triton_client import Client
from tests.converters.conftest import carry_out, plan_for
from tests.converters.gguf_files import write_gguf
from tests.converters.originals import greedy_text
from tests.hub_server import HubServer
from tests.modelyard.cli.running import refused, run
from tests.serving import serving

TYPES = ("F16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")
CLOSEST = {"F16": "fp16", "Q8_0": "int8", "Q5_1": "int8", "Q5_0": "int8", "Q4_1": "int4", "Q4_0": "int4"}
CLOSEST |= {"Q6_K": "int8", "Q5_K_M": "int8", "Q4_K_M": "int4"}
PROMPT = "<s>hello world, the quick brown fox"
TOKENS = 8


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("gguf") / "repository"
    made.mkdir()
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(repository: Path) -> AsyncIterator[Client]:
    async with serving(repository) as connected:
        yield connected


async def answer_of(client: Client, name: str) -> tuple[str, int]:
    await client.load(name)
    answer = await client.ask(PROMPT, name, temperature=0, max_tokens=TOKENS, ignore_eos=True)
    await client.unload(name)
    return answer.text, answer.prompt_tokens


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("architecture", "quantization"),
    [
        *((architecture, quantization) for architecture in ("llama", "qwen2") for quantization in TYPES),
        *(("llama", quantization) for quantization in ("Q4_K_M", "Q5_K_M", "Q6_K")),
    ],
)
async def test_a_type_both_ways(
    architecture: str, quantization: str, client: Client, repository: Path, tmp_path: Path
) -> None:
    name = f"{architecture}-{quantization}"
    file = write_gguf(tmp_path / f"{name}.gguf", quantization, architecture)
    dequantize(file, tmp_path / "original")
    wanted = greedy_text(tmp_path / "original", PROMPT, TOKENS)

    as_it_is = carry_out(file, repository, name=f"{name}-as-it-is").manifest
    assert (as_it_is.target, as_it_is.precision, as_it_is.quantization) == (
        "triton-llamacpp",
        quantization,
        quantization,
    )
    assert isinstance(as_it_is.fidelity, Fidelity)
    assert as_it_is.fidelity.agreement >= (1.0 if quantization == "F16" else 0.8)
    if quantization in TYPES:  # a K-quant here is of random blocks, whose wide scores make much of a close call
        assert as_it_is.fidelity.kl_divergence < (0.001 if quantization == "F16" else 0.1)
    assert as_it_is.fidelity.tokenizer_agrees
    exact = carry_out(file, repository, name=f"{name}-ir", target="triton-openvino", precision="fp16").manifest
    assert isinstance(exact.fidelity, Fidelity)
    assert exact.fidelity.agreement >= 0.99

    native, prompt_tokens = await answer_of(client, f"{name}-as-it-is")
    ir, prompt_tokens_of_ir = await answer_of(client, f"{name}-ir")
    assert prompt_tokens == prompt_tokens_of_ir
    assert ir == wanted
    # llama.cpp rounds activations to 8 bits beside quantized weights, which may turn a close call; not the first one.
    compared = None if quantization == "F16" else 1
    assert native[:compared] == wanted[:compared]


@pytest.mark.parametrize("quantization", CLOSEST)
def test_the_closest_precision_is_chosen(quantization: str, repository: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", quantization)
    plan = plan_for(file, repository, target="triton-openvino")
    assert plan.precision == CLOSEST[quantization]
    assert quantization in plan.precision_reason


@pytest.mark.asyncio(loop_scope="session")
async def test_a_k_quant_is_served_as_it_is(client: Client, repository: Path, tmp_path: Path) -> None:
    made = carry_out(write_gguf(tmp_path / "mixed-Q4_K_M.gguf", "Q4_K_M"), repository).manifest
    assert (made.name, made.quantization) == ("mixed-Q4_K_M", "Q4_K_M")
    text, _ = await answer_of(client, "mixed-Q4_K_M")
    assert text


@pytest.mark.asyncio(loop_scope="session")
async def test_mamba_is_served_as_it_is(client: Client, repository: Path, tmp_path: Path) -> None:
    """What a checkpoint of this family is refused for OpenVINO with."""
    file = write_gguf(tmp_path / "mamba.gguf", "F32", "mamba")
    dequantize(file, tmp_path / "original")
    made = carry_out(file, repository).manifest
    assert (made.architecture, made.target) == ("mamba", "triton-llamacpp")
    text, _ = await answer_of(client, "mamba")
    assert text == greedy_text(tmp_path / "original", PROMPT, TOKENS)


def test_a_tag_picks_a_file_of_the_hub(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for quantization in ("Q8_0", "Q4_0"):
        write_gguf(folder / f"tiny-{quantization}.gguf", quantization)
    with HubServer() as hub:
        hub.add_model("org/Tiny-GGUF", folder)
        settings = {"MODELYARD_HUB_ENDPOINTS": hub.url, "MODELYARD_CACHE_DIR": str(tmp_path / "cache")}
        shown = run("pull", "hf.co/org/Tiny-GGUF:q8_0", repository=repository, **settings)
        assert shown.returncode == 0, shown.stderr
        assert "Tiny-GGUF-q8_0 is ready" in shown.stdout
        assert "next-token agreement" in shown.stdout
        assert "192 positions, against float32" in run("show", "Tiny-GGUF-q8_0", repository=repository).stdout
        named = run("pull", "org/Tiny-GGUF", "--file", "tiny-Q4_0.gguf", repository=repository, **settings)
        assert named.returncode == 0, named.stderr
        assert (repository / "tiny-Q4_0" / "1" / "tiny-Q4_0.gguf").is_file()
        refused(run("pull", "org/Tiny-GGUF:Q6_K", repository=repository, **settings), 3, "'Q6_K'", "tiny-Q8_0.gguf")


def test_a_file_of_several_must_be_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_gguf(tmp_path / f"{name}.gguf")
    with pytest.raises(errors.SourceUnavailable, match=r"several files fit: one\.gguf, two\.gguf") as several:
        open_checkpoint(str(tmp_path))
    assert "--file" in several.value.hint
    assert open_checkpoint(str(tmp_path), file="two.gguf").files == ("two.gguf",)


def test_the_favourite_of_several_is_taken(tmp_path: Path) -> None:
    first = write_gguf(tmp_path / "tiny.Q8_0.gguf")
    for name in ("tiny.Q4_K_M.gguf", "tiny.F16.gguf", "mmproj-tiny-F16.gguf"):
        shutil.copy(first, tmp_path / name)
    assert open_checkpoint(str(tmp_path)).files == ("tiny.Q4_K_M.gguf",)


def test_an_architecture_that_transformers_does_not_read(repository: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"llama", b"lllll"))
    with pytest.raises(errors.BadCheckpoint) as unknown:
        plan_for(file, repository, target="triton-openvino")
    assert "lllll" in str(unknown.value) + unknown.value.hint


def test_where_fidelity_cannot_be_measured_the_manifest_says_why(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")

    def why(name: str, **wishes: Any) -> str:
        manifest = carry_out(file, repository, name=name, **wishes).manifest
        assert manifest.fidelity is None
        return manifest.not_measured or ""

    assert why("no-engine", engine_python=tmp_path / "python") == "llama.cpp is not on this host"
    assert why("no-llamacpp", engine_python=Path("/bin/false")) == "llama.cpp does not run it here"
    with monkeypatch.context() as patched:
        patched.setattr("modelyard.host.free_memory", lambda: 2**28)
        assert why("no-memory").endswith("GiB of memory, and 0.2 GiB are free")
    file.write_bytes(file.read_bytes().replace(b"llama", b"lllll"))
    assert why("no-reader") == "transformers does not read GGUF files of 'lllll'"
    assert "not measured: transformers does not read" in run("show", "no-reader", repository=repository).stdout
