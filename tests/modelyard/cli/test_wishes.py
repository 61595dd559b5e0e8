"""What serves a checkpoint is chosen by the devices of what will serve it: a GPU beside our Triton is none of its."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.plan import ConversionPlan, plan_conversion
from converters.source import open_checkpoint
from modelyard.cli.conversion_options import Order
from modelyard.cli.wishes import wishes_of
from modelyard.deployment.model_list import ModelWish
from modelyard.entry import entry_at
from modelyard.gpus import Gpu
from modelyard.manifest import read_manifest
from modelyard.settings import Settings
from tests.converters.checkpoints import write_checkpoint
from tests.converters.image_checkpoints import write_pipeline
from tests.modelyard.cli.running import run

L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))
# As much of the driver's library as is asked here.
_DRIVER = """
class NVMLError(Exception): pass
class Memory: total = 24 * 10**9
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetCudaComputeCapability(card): return 8, 9
def nvmlDeviceGetName(card): return "NVIDIA L4"
def nvmlDeviceGetMemoryInfo(card): return Memory
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a host with an NVIDIA GPU and the engines of this installation."""
    monkeypatch.setattr("modelyard.gpus.find_gpus", lambda: (L4,))
    (tmp_path / "python").touch()
    return Settings(_env_file=None, model_repository=tmp_path / "repository", engine_python=tmp_path / "python")


def planned(settings: Settings, folder: Path, **order: object) -> ConversionPlan:
    wishes = wishes_of(settings, Order(source=str(folder), name="m", **order))  # type: ignore[arg-type]
    return plan_conversion(
        open_checkpoint(str(folder)), repository=settings.model_repository, wishes=wishes, check_host=False
    )


def test_for_our_own_triton_a_gpu_chooses_nothing(settings: Settings, checkpoint: Path) -> None:
    plan = planned(settings, checkpoint)
    assert plan.target == "triton-openvino"
    assert "NVIDIA L4" in plan.target_reason
    assert "--target triton-vllm" in plan.target_reason
    assert planned(settings, checkpoint, precision="int4").precision == "int4"
    assert planned(settings, checkpoint, target="triton-vllm").gpus == (L4,)


def test_a_pipeline_too(settings: Settings, tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd")
    plan = planned(settings, folder)
    assert plan.target == "triton-openvino"
    assert "--target triton-diffusers" in plan.target_reason
    assert planned(settings, folder, gpus="24GB").target == "triton-diffusers"


@pytest.mark.parametrize(
    "change",
    [{"triton_urls": ["grpc://triton:8001"]}, {"engine_python": Path("/nowhere/python")}],
    ids=["other Tritons", "no engine here"],
)
def test_where_others_serve_it_the_gpu_counts(change: dict[str, object], settings: Settings, checkpoint: Path) -> None:
    plan = planned(settings.model_copy(update=change), checkpoint)
    assert (plan.target, plan.target_reason) == ("triton-vllm", "there is an NVIDIA GPU (NVIDIA L4)")


def test_a_deployment_names_the_gpus_of_its_host(
    settings: Settings, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.gpus.find_gpus", lambda: ())  # as in the converter's container
    words = ModelWish("m", str(checkpoint)).arguments("cuda", [L4])
    assert "--target" not in words
    plan = planned(settings, checkpoint, gpus=words[words.index("--gpus") + 1])
    assert (plan.target, plan.target_reason) == ("triton-vllm", "there is an NVIDIA GPU (24 GB)")


def test_what_convert_makes_beside_a_gpu_is_served_by_our_triton(checkpoint: Path, tmp_path: Path) -> None:
    """As `make serve` converts: with no target named."""
    (tmp_path / "pynvml.py").write_text(_DRIVER)
    shown = run("convert", str(checkpoint), "--update", repository=tmp_path / "repository", PYTHONPATH=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert "triton-openvino: there is an NVIDIA GPU (NVIDIA L4), but no vllm in the Triton" in shown.stderr
    manifest = read_manifest(entry_at(tmp_path / "repository", "tiny"))
    assert manifest is not None
    assert manifest.target == "triton-openvino"
