"""Tiny image models in two real Tritons, once for all tests of this folder: one on OpenVINO, one on PyTorch."""

from __future__ import annotations

import io
import shutil
import site
import venv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from modelyard.engine.distribution import Distribution, find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from tests.backends.images.image_client import ImageClient
from tests.made_once import made_once

_MAKER = Path(__file__).with_name("tiny_entries.py")
_ROOT = Path(__file__).resolve().parents[3]
_INGREDIENTS = (_ROOT / "tests/converters/image_checkpoints.py",)


@pytest.fixture(scope="session")
def image_entries(request: pytest.FixtureRequest) -> Path:
    """The repository; do not write into it."""
    return made_once(request.config, _MAKER, _INGREDIENTS)


@pytest.fixture(scope="session")
def image_repository(image_entries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that a test may add entries to."""
    folder = tmp_path_factory.mktemp("images") / "repository"
    shutil.copytree(image_entries, folder)
    return folder


@pytest.fixture(scope="session")
def torch_distribution(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Triton with an interpreter that has PyTorch: this one's packages, behind the engine's numpy below 2."""
    folder = tmp_path_factory.mktemp("torch") / "env"
    venv.create(folder, with_pip=False)
    (inside,) = folder.glob("lib/python*/site-packages")
    (engine,) = distribution.python.parent.parent.glob("lib/python*/site-packages")
    for pattern in ("numpy", "numpy.libs", "numpy-*", "pytriton", "nvidia_pytriton*"):
        for found in engine.glob(pattern):
            (inside / found.name).symlink_to(found)
    (inside / "packages.pth").write_text("\n".join(site.getsitepackages()))
    return find_distribution(folder / "bin" / "python")


@dataclass(frozen=True)
class Server:
    """A Triton and the ending of the names of its entries."""

    process: TritonProcess
    client: ImageClient
    ending: str
    log: list[LogLine]

    def entry(self, family: str) -> str:
        return f"{family}-{self.ending}"


async def _serve(distribution: Distribution, repository: Path, ending: str) -> AsyncIterator[Server]:
    log: list[LogLine] = []
    process = await TritonProcess.launch(distribution, repository=repository, log=log.append)
    client = ImageClient(process.grpc_address)
    server = Server(process, client, ending, log)
    try:
        await client.load(server.entry("sd"))
        yield server
        assert process.returncode is None, (process.returncode, [line.text for line in log[-12:]])
    finally:
        await client.close()
        await process.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def openvino_server(distribution: Distribution, image_repository: Path) -> AsyncIterator[Server]:
    async for server in _serve(distribution, image_repository, "openvino"):
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def diffusers_server(torch_distribution: Distribution, image_repository: Path) -> AsyncIterator[Server]:
    async for server in _serve(torch_distribution, image_repository, "diffusers"):
        yield server


@pytest.fixture(params=["openvino", "diffusers"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


def picture_file(colour: str = "teal", size: tuple[int, int] = (64, 64), kind: str = "PNG") -> bytes:
    """A picture of two colours, so that it has a shape."""
    picture = Image.new("RGB", size, colour)
    picture.paste("orange", (0, 0, size[0] // 2, size[1] // 2))
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def mask_file(box: tuple[int, int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    """White in the box, black around it."""
    mask = Image.new("L", size, 0)
    mask.paste(255, box)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()
