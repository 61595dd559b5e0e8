"""GGUF files both ways, with the real Triton: as they are by llama.cpp, and dequantized into OpenVINO IR."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from converters.convert import convert
from converters.exporters.openvino_gguf import dequantize
from converters.gguf_tokenizer import tokenizer_of
from converters.precision import RECIPES
from converters.source import open_checkpoint
from modelyard import errors
from modelyard.host import threads
from modelyard.manifest import Fidelity
from modelyard.settings import Settings
from tests.backends.triton_client import Client
from tests.converters.conftest import carry_out, plan_for
from tests.converters.gguf_files import write_adapter, write_gguf
from tests.converters.originals import greedy_text
from tests.hub_server import HubServer
from tests.modelyard.cli.running import ROOT, refused, run
from tests.serving import serving

TYPES = ("F16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")
CLOSEST = {"F16": "fp16", "Q8_0": "int8", "Q5_1": "int8", "Q5_0": "int8", "Q4_1": "int4", "Q4_0": "int4"}
CLOSEST |= {"Q6_K": "int8", "Q5_K_M": "int8", "Q4_K_M": "int4", "Q3_K_M": "int4", "Q2_K": "int4"}
K_QUANTS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K")
PROMPT = "<s>hello world, the quick brown fox"
# After this one no token of the Q8_0 file comes near the likeliest, eight times over. What 8 bits change is the same on
# every processor, since so small a model computes in 32.
CLEAR_PROMPT = "<s>dog come the"
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


async def answer_of(client: Client, name: str, prompt: str = PROMPT) -> tuple[str, int]:
    await client.load(name)
    answer = await client.ask(prompt, name, temperature=0, max_tokens=TOKENS, ignore_eos=True)
    await client.unload(name)
    return answer.text, answer.prompt_tokens


def answer_without_triton(file: Path) -> str:
    """llama.cpp's own answer to the prompt."""
    ids = tokenizer_of(file)(PROMPT, add_special_tokens=False)["input_ids"]
    command = [Settings().engine_python, "-m", "tests.converters.llamacpp_text", file]
    command += [json.dumps(ids), str(TOKENS), str(threads())]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    return str(json.loads(shown.stdout))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("architecture", "quantization"),
    [
        *((architecture, quantization) for architecture in ("llama", "qwen2") for quantization in TYPES),
        *(("llama", quantization) for quantization in K_QUANTS),
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
    # Beside quantized weights llama.cpp rounds activations to 8 bits, which turns close calls: how many, the fidelity
    # above tells. What must be the same to the last letter is what it answers in Triton and outside.
    assert native == (wanted if quantization == "F16" else answer_without_triton(file))


@pytest.mark.parametrize("quantization", CLOSEST)
def test_the_closest_precision_is_chosen(quantization: str, repository: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", quantization)
    plan = plan_for(file, repository, target="triton-openvino")
    assert plan.precision == CLOSEST[quantization]
    assert quantization in plan.precision_reason


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("quantization", ["Q8_0", "Q4_0"])
async def test_the_closest_precision_is_served(
    quantization: str, client: Client, repository: Path, tmp_path: Path
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", quantization)
    name = f"closest-to-{quantization}"
    made = carry_out(file, repository, name=name, target="triton-openvino").manifest
    assert (made.precision, made.quantization) == (CLOSEST[quantization], quantization)
    assert made.settings["weights"] == RECIPES[CLOSEST[quantization]]
    assert isinstance(made.fidelity, Fidelity)
    text, _ = await answer_of(client, name, CLEAR_PROMPT)
    if made.precision == "int4":  # which leaves less than half of so small a model's answers
        assert text
        assert made.fidelity.agreement > 0.25
        return
    assert made.fidelity.agreement > 0.8
    carry_out(file, repository, name=f"{name}-exact", target="triton-openvino", precision="fp16")
    assert text == (await answer_of(client, f"{name}-exact", CLEAR_PROMPT))[0]


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
    file = write_gguf(tmp_path / "xverse.gguf", architecture="xverse")  # which llama.cpp knows
    assert why("no-reader") == "transformers does not read GGUF files of 'xverse'"
    assert "not measured: transformers does not read" in run("show", "no-reader", repository=repository).stdout


def test_what_llama_cpp_does_not_load_is_not_published(repository: Path, tmp_path: Path) -> None:
    before = sorted(repository.iterdir())
    file = write_gguf(tmp_path / "flipped.gguf")
    file.write_bytes(file.read_bytes().replace(b"llama", b"llamb"))
    shown = run("convert", str(file), repository=repository)
    refused(
        shown, 2, "llama.cpp does not run flipped.gguf", "unknown model architecture: 'llamb'", "copy the file again"
    )
    wide = write_gguf(tmp_path / "wide.gguf", width=128)
    with pytest.raises(errors.LoadRefused, match=r"wide\.gguf, .* 'llama': "):
        carry_out(wide, repository, adapters={"narrow": write_adapter(tmp_path / "narrow.gguf")})
    assert sorted(repository.iterdir()) == before


def test_what_there_is_no_memory_to_load_is_not_judged(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "flipped.gguf")
    file.write_bytes(file.read_bytes().replace(b"llama", b"llamb"))
    plan = plan_for(file, repository, name="unasked")
    monkeypatch.setattr("modelyard.host.free_memory", lambda: 2**25)
    manifest = convert(plan, on_step=lambda step: None).manifest
    assert (manifest.not_measured or "").endswith("GiB of memory, and 0.0 GiB are free")
