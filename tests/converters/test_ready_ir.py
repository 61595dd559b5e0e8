"""OpenVINO IR that somebody else exported: taken as it is, from a folder or by one `pull`, and served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modelyard import errors
from modelyard.entry import Entry, entries_in, entry_at, staging_root
from modelyard.manifest import read_manifest
from tests.converters.checkpoints import edit_json
from tests.converters.conftest import Convert, carry_out, plan_for
from tests.converters.originals import greedy_text
from tests.hub_server import HubServer
from tests.modelyard.cli.running import run
from tests.serving import serving

PROMPT = "The harbour was quiet before dawn, and"


@pytest.fixture
def ir(converted: Convert, tmp_path: Path) -> Path:
    """A folder as the OpenVINO organisation publishes them."""
    return Path(shutil.copytree(converted("int4-cw").version_folder, tmp_path / "tiny-int4-cw-ov"))


def test_the_files_are_taken_as_they_are(ir: Path, tmp_path: Path) -> None:
    entry = _published(ir, tmp_path / "repository")
    manifest = read_manifest(entry)
    assert manifest is not None
    assert (manifest.task, manifest.target, manifest.precision) == ("text-generation", "triton-openvino", "int4")
    assert manifest.context_length == 512
    assert manifest.fidelity is None
    assert manifest.not_measured == "the original that this network was exported from is not here"
    for path in ir.iterdir():
        assert (entry.version_folder / path.name).read_bytes() == path.read_bytes()
    # The embedding and the output are 8-bit, as NNCF leaves them.
    assert 120_000 < manifest.parameters < 135_000


@pytest.mark.asyncio(loop_scope="session")
async def test_one_pull_makes_it_servable(converted: Convert, checkpoint: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    with HubServer() as hub:
        hub.add_model("OpenVINO/tiny-fp16-ov", converted("fp16").version_folder)
        settings = {"MODELYARD_HUB_ENDPOINTS": hub.url, "MODELYARD_CACHE_DIR": str(tmp_path / "cache")}
        shown = run("pull", "OpenVINO/tiny-fp16-ov", repository=repository, **settings)
        assert shown.returncode == 0, shown.stderr
        assert "tiny-fp16-ov is ready" in shown.stdout
        why = "not measured: the original that this network was exported from is not here"
        assert why in shown.stdout
        assert why in run("show", "tiny-fp16-ov", repository=repository).stdout
        again = run("pull", "hf.co/OpenVINO/tiny-fp16-ov", "--offline", repository=repository, **settings)
        assert again.returncode == 0, again.stderr
    async with serving(repository) as client:
        await client.load("tiny-fp16-ov")
        answer = await client.ask(PROMPT, "tiny-fp16-ov", temperature=0, max_tokens=12, ignore_eos=True)
    assert answer.text == greedy_text(checkpoint, PROMPT, 12)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("openvino_model.bin", "its weights have"),
        ("openvino_model.xml", "not whole XML"),
        ("openvino_tokenizer.bin", "its weights have"),
        ("openvino_detokenizer.xml", "not whole XML"),
    ],
)
def test_a_truncated_file_is_named(file: str, words: str, ir: Path, tmp_path: Path) -> None:
    content = (ir / file).read_bytes()
    (ir / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(errors.WeightsDamaged, match=words):
        plan_for(ir, tmp_path / "repository")


def test_what_is_missing_is_named(ir: Path, tmp_path: Path) -> None:
    (ir / "openvino_model.bin").unlink()
    with pytest.raises(errors.WeightsDamaged, match=r"openvino_model\.bin is missing"):
        plan_for(ir, tmp_path / "repository")


@pytest.mark.parametrize(
    ("file", "written", "damaged", "words"),
    [
        ("openvino_model.xml", b'type="MatMul"', b'type="MatMum"', "with type: MatMum"),
        ("openvino_tokenizer.xml", b'type="BPETokenizer"', b'type="BPETokenizes"', "Cannot create BPETokenizes"),
        ("openvino_model.xml", b"<data variable_id=", b"<dota variable_id=", "it dies of SIG"),
    ],
)
def test_what_openvino_does_not_read_is_not_published(
    file: str, written: bytes, damaged: bytes, words: str, ir: Path, tmp_path: Path
) -> None:
    content = (ir / file).read_bytes()
    assert written in content
    (ir / file).write_bytes(content.replace(written, damaged, 1))
    with pytest.raises(errors.LoadRefused, match=f"OpenVINO does not run {file}, .* 'Qwen2ForCausalLM'") as refused:
        _published(ir, tmp_path / "repository")
    assert words in str(refused.value)
    assert entries_in(tmp_path / "repository") == []
    assert not list(staging_root(tmp_path / "repository").glob("*+*"))


def test_xml_that_is_no_network(ir: Path, tmp_path: Path) -> None:
    (ir / "openvino_model.xml").write_text("<html><body>not found</body></html>")
    with pytest.raises(errors.WeightsDamaged, match="not an OpenVINO network"):
        plan_for(ir, tmp_path / "repository")


def test_a_precision_cannot_be_asked_of_it(ir: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.FieldRefused, match="takes the weights as they are"):
        plan_for(ir, tmp_path / "repository", precision="int8")


def test_a_task_that_nobody_can_guess_is_asked_for(ir: Path, tmp_path: Path) -> None:
    edit_json(ir / "config.json", architectures=["MysteryModelForSomething"])
    with pytest.raises(errors.TaskUnknown) as refused:
        plan_for(ir, tmp_path / "repository")
    assert "--task" in refused.value.hint
    assert plan_for(ir, tmp_path / "repository", task="text-generation").exporter == "openvino_ready"


def _published(ir: Path, repository: Path) -> Entry:
    carry_out(ir, repository, name="ready")
    return entry_at(repository, "ready")
