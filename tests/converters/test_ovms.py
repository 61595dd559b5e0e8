"""Entries for OpenVINO Model Server: graphs as `ovms --configure` writes them, and one network for a plain model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from converters.entry_config import EntryConfig
from converters.exporters import openvino_text, ovms
from converters.exporters.ovms_graph import GRAPH_TASKS, GraphOptions, graph_text
from converters.plan import ConversionPlan, Wishes, plan_conversion
from converters.source import open_checkpoint
from modelyard.card import (
    FEATURE_EXTRACTION,
    IMAGE_TEXT_TO_TEXT,
    SPEECH_RECOGNITION,
    TENSORS,
    TEXT_CLASSIFICATION,
    TEXT_GENERATION,
    TEXT_RANKING,
    TEXT_TO_IMAGE,
    TEXT_TO_SPEECH,
)
from modelyard.entry import entry_at
from modelyard.errors import BadCheckpoint, FieldRefused
from modelyard.manifest import read_manifest
from tests.converters.ovms_schema import FOLDER, node_options, parse_graph, without_options
from tests.modelyard.cli.running import refused, run

# The server's names of the tasks.
CONFIGURED = {
    TEXT_GENERATION: "text_generation",
    IMAGE_TEXT_TO_TEXT: "text_generation",
    FEATURE_EXTRACTION: "embeddings",
    TEXT_RANKING: "rerank",
    TEXT_TO_IMAGE: "image_generation",
    SPEECH_RECOGNITION: "speech2text",
    TEXT_TO_SPEECH: "text2speech",
}


@pytest.fixture
def plan(checkpoint: Path, tmp_path: Path) -> ConversionPlan:
    wishes = Wishes(name="tiny", target="ovms", precision="fp16")
    return plan_conversion(
        open_checkpoint(str(checkpoint)), repository=tmp_path / "repository", wishes=wishes, check_host=False
    )


def writes(*names: str) -> Callable[..., None]:
    """An exporter that leaves files of these names."""

    def export(plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: object, show: bool = False) -> None:
        for name in names:
            (folder / name).write_text(name)

    return export


def test_every_task_is_compared() -> None:
    assert set(CONFIGURED) == GRAPH_TASKS


@pytest.mark.parametrize("task", sorted(GRAPH_TASKS))
def test_a_graph_is_what_ovms_configure_writes(task: str) -> None:
    ours = graph_text(task, GraphOptions("CPU", {}), maker="Modelyard 1.0")
    theirs = (FOLDER / f"{CONFIGURED[task]}.pbtxt").read_text()
    # The second line is a comment to people and a setting to the server.
    assert ours.splitlines()[0] == "# File created with: Modelyard 1.0"
    assert ours.splitlines()[1] == theirs.splitlines()[1]
    parsed, expected = parse_graph(ours), parse_graph(theirs)
    assert node_options(parsed) == node_options(expected)
    assert without_options(parsed) == without_options(expected)


@pytest.mark.parametrize("task", sorted(GRAPH_TASKS))
def test_the_plugin_configuration_survives_its_quotes(task: str) -> None:
    wanted = {"INFERENCE_PRECISION_HINT": "f32", "CACHE_DIR": 'a "quoted" path \\ with\nlines ü'}
    options = node_options(parse_graph(graph_text(task, GraphOptions("GPU.1", wanted), maker="x")))
    found = json.loads(options.plugin_config)
    assert {key: found[key] for key in wanted} == wanted
    assert (options.device if hasattr(options, "device") else options.target_device) == "GPU.1"


def test_a_field_that_the_server_does_not_know_is_an_error() -> None:
    text = graph_text(TEXT_GENERATION, GraphOptions("CPU", {}), maker="x")
    with pytest.raises(text_format.ParseError, match="max_num_sequences"):
        parse_graph(text.replace("max_num_seqs", "max_num_sequences"))


def test_an_npu_caches_prefixes_by_a_property_of_its_own() -> None:
    options = node_options(parse_graph(graph_text(TEXT_GENERATION, GraphOptions("NPU", {}), maker="x")))
    # As the server's own text: {"DEVICE_PROPERTIES":{"NPU":{"NPUW_LLM_ENABLE_PREFIX_CACHING":true}}}
    assert options.plugin_config == '{"DEVICE_PROPERTIES":{"NPU":{"NPUW_LLM_ENABLE_PREFIX_CACHING":true}}}'


def test_a_language_model_with_its_graph(plan: ConversionPlan, tmp_path: Path) -> None:
    folder, scratch = tmp_path / "1", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    ovms.export(plan, folder, scratch, on_step=lambda step: None, inner=openvino_text.export)
    options = node_options(parse_graph((folder / "graph.pbtxt").read_text()))
    # What the server looks for in the folder that models_path names.
    named = (folder / options.models_path).resolve()
    for file in ("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "openvino_detokenizer.xml"):
        assert (named / file).is_file()
    assert options.device == "CPU"
    assert json.loads(options.plugin_config)["INFERENCE_PRECISION_HINT"] == "f32"  # it is tiny


@pytest.mark.parametrize(
    ("pooling", "layers", "name", "normalize"),
    [
        (["mean"], [{"type": "normalize"}], "MEAN", True),
        (["cls"], [], "CLS", False),
        (["lasttoken"], [{"type": "normalize"}], "LAST", True),
    ],
)
def test_embeddings_are_pooled_as_the_checkpoint_says(
    pooling: list[str], layers: list[dict[str, str]], name: str, normalize: bool, plan: ConversionPlan, tmp_path: Path
) -> None:
    plan = replace(plan, task=FEATURE_EXTRACTION)
    (tmp_path / "encoder.json").write_text(json.dumps({"pooling": pooling, "layers": layers}))
    ovms.export(plan, tmp_path, tmp_path, on_step=lambda step: None, inner=writes("openvino_model.xml"))
    options = node_options(parse_graph((tmp_path / "graph.pbtxt").read_text()))
    assert options.Pooling.Name(options.pooling) == name
    assert options.normalize_embeddings is normalize
    assert "KV_CACHE_PRECISION" not in json.loads(options.plugin_config)


def test_without_a_description_the_server_finds_the_pooling_itself(plan: ConversionPlan, tmp_path: Path) -> None:
    found = ovms.graph_options(replace(plan, task=FEATURE_EXTRACTION), tmp_path)
    assert (found.pooling, found.normalize) == (None, True)


@pytest.mark.parametrize(
    "described",
    [
        {"pooling": ["max"], "layers": []},
        {"pooling": ["mean", "cls"], "layers": []},
        {"pooling": ["mean"], "layers": [{"type": "dense"}]},
    ],
)
def test_vectors_that_the_server_cannot_make(
    described: dict[str, object], plan: ConversionPlan, tmp_path: Path
) -> None:
    (tmp_path / "encoder.json").write_text(json.dumps(described))
    with pytest.raises(BadCheckpoint, match="cannot") as refused:
        ovms.graph_options(replace(plan, task=FEATURE_EXTRACTION), tmp_path)
    assert "triton-openvino" in refused.value.hint


def write_network(folder: Path, name: str, weights: Any) -> Path:
    """A folder with OpenVINO IR and nothing else: rows of `x` become rows of `y`, multiplied by the weights."""
    import openvino as ov
    from openvino import opset13 as operations

    folder.mkdir()
    rows = operations.parameter([-1, len(weights)], np.float32, name="x")
    network = ov.Model([operations.matmul(rows, operations.constant(weights), False, False)], [rows], "plain")
    network.outputs[0].get_tensor().set_names({"y"})
    ov.save_model(network, folder / name, compress_to_fp16=False)
    return folder


# The second is how exporters call the network of a text model, which this is not; the third has no weights to speak of.
@pytest.mark.parametrize(("name", "width"), [("net.xml", 16), ("openvino_model.xml", 16), ("net.xml", 2)])
def test_a_plain_network_from_its_folder_to_the_server_s_list(name: str, width: int, tmp_path: Path) -> None:
    import openvino as ov

    weights = np.random.default_rng(3).normal(size=(width, 8)).astype(np.float32)
    folder, repository = write_network(tmp_path / "plain", name, weights), tmp_path / "repository"
    shown = run("convert", str(folder), "--target", "ovms", repository=repository)
    assert shown.returncode == 0, shown.stderr

    manifest = read_manifest(entry_at(repository, "plain"))
    assert manifest is not None
    assert (manifest.task, manifest.target, manifest.precision) == (TENSORS, "ovms", "fp32")
    assert EntryConfig.from_text(entry_at(repository, "plain").config.read_text()).card.task == TENSORS
    # What the server does: it reads its list, and takes the one network of the version.
    (listed,) = json.loads((repository / "config.json").read_text())["model_config_list"]
    assert listed["config"] == {"name": "plain", "base_path": "plain", "target_device": "CPU"}
    (network,) = (repository / listed["config"]["base_path"] / "1").glob("*.xml")
    rows = np.random.default_rng(4).normal(size=(3, width)).astype(np.float32)
    found = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({"x": rows})["y"]
    np.testing.assert_allclose(found, rows @ weights, rtol=1e-5, atol=1e-5)


def test_for_our_own_backends_a_plain_network_is_refused_with_the_target_that_takes_it(tmp_path: Path) -> None:
    folder = write_network(tmp_path / "plain", "net.xml", np.ones((16, 8), np.float32))
    shown = run("convert", str(folder), repository=tmp_path / "repository")
    refused(shown, 2, "OpenVINO IR for tensors cannot be made into an entry for triton-openvino", "--target ovms")


@pytest.mark.parametrize("task", [TEXT_CLASSIFICATION, TENSORS])
def test_beside_a_plain_network_lies_no_other(task: str, plan: ConversionPlan, tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    names = ("net.xml", "net.bin", "openvino_tokenizer.xml", "openvino_tokenizer.bin", "config.json")
    ovms.export(replace(plan, task=task), folder, tmp_path, on_step=lambda step: None, inner=writes(*names))
    assert {path.name for path in folder.iterdir()} == {"net.xml", "net.bin", "config.json", "tokenizer"}
    assert {path.name for path in (folder / "tokenizer").iterdir()} == set(names[2:4])


@pytest.mark.parametrize("names", [(), ("a.xml", "b.xml"), ("openvino_tokenizer.xml",)])
def test_a_plain_entry_has_one_network(names: tuple[str, ...], plan: ConversionPlan, tmp_path: Path) -> None:
    folder = tmp_path / "1"
    folder.mkdir()
    with pytest.raises(BadCheckpoint, match="one network"):
        ovms.export(replace(plan, task=TENSORS), folder, tmp_path, on_step=lambda step: None, inner=writes(*names))


def test_what_the_server_cannot_do_is_refused_before_work(plan: ConversionPlan, tmp_path: Path) -> None:
    started: list[str] = []

    def inner(*given: object, **named: object) -> None:
        started.append("export")

    for impossible in (
        replace(plan, task=TEXT_TO_IMAGE, device="NPU"),
        replace(plan, adapters={"polite": tmp_path}),
    ):
        with pytest.raises(FieldRefused):
            ovms.export(impossible, tmp_path, tmp_path, on_step=lambda step: None, inner=inner)
    assert started == []
