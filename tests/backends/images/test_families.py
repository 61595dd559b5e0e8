"""Every family of image models that is converted draws, changes and fills in, as far as its pipeline can."""

from __future__ import annotations

import shutil
from pathlib import Path

import grpc.aio
import pytest

from tests.backends.images.conftest import Server, mask_file, picture_file
from tests.backends.images.image_client import RequestFailed
from tests.backends.images.tiny_entries import ADAPTER

pytestmark = pytest.mark.asyncio(loop_scope="session")
_MASK = (16, 16, 48, 48)


async def _draws_everything(server: Server, family: str) -> None:
    entry = server.entry(family)
    await server.client.load(entry)
    try:
        made = [
            await server.client.draw(entry, seed=7, width=64, height=64, **pictures)
            for _ in range(2)
            for pictures in (
                {},
                {"image": picture_file(), "strength": 0.6},
                {"image": picture_file(), "mask": mask_file(_MASK)},
            )
        ]
    finally:
        await server.client.unload(entry)
    assert [drawn.pictures[0].size for drawn in made] == [(64, 64)] * 6
    assert [drawn.files for drawn in made[:3]] == [drawn.files for drawn in made[3:]]
    assert len({drawn.pixels for drawn in made}) == 3


@pytest.mark.parametrize("family", ["lcm", "sdxl", "sd3", "flux"])
async def test_a_family_on_openvino(openvino_server: Server, family: str) -> None:
    await _draws_everything(openvino_server, family)


@pytest.mark.parametrize("family", ["lcm", "sdxl"])
async def test_an_adapter_changes_the_picture_of_a_family(openvino_server: Server, family: str) -> None:
    entry = openvino_server.entry(family)
    await openvino_server.client.load(entry)
    try:
        options = {"seed": 7, "width": 64, "height": 64}
        plain, with_it, afterwards = [
            (await openvino_server.client.draw(entry, **options, **wish)).files
            for wish in ({}, {"lora": {ADAPTER: 1.0}}, {})
        ]
    finally:
        await openvino_server.client.unload(entry)
    assert plain == afterwards != with_it


async def test_flux_on_pytorch(diffusers_server: Server) -> None:
    await _draws_everything(diffusers_server, "flux")


async def test_a_model_that_fills_in_refuses_the_rest_by_name(server: Server) -> None:
    entry = server.entry("sd-inpainting")
    await server.client.load(entry)
    try:
        drawn = await server.client.draw(entry, image=picture_file(), mask=mask_file(_MASK))
        assert drawn.pictures[0].size == (64, 64)
        with pytest.raises(RequestFailed, match="cannot do text-to-image: it takes 'image' and 'mask'"):
            await server.client.draw(entry)
        with pytest.raises(RequestFailed, match="cannot do image-to-image"):
            await server.client.draw(entry, image=picture_file())
    finally:
        await server.client.unload(entry)


@pytest.mark.parametrize("family", ["lcm", "flux"])
async def test_a_family_without_a_negative_prompt_says_so(openvino_server: Server, family: str) -> None:
    entry = openvino_server.entry(family)
    await openvino_server.client.load(entry)
    try:
        with pytest.raises(RequestFailed, match="'negative_prompt' cannot be honoured"):
            await openvino_server.client.draw(entry, negative_prompt="grey", width=64, height=64)
    finally:
        await openvino_server.client.unload(entry)


async def test_what_the_safety_checker_objects_to_is_an_error(diffusers_server: Server) -> None:
    await diffusers_server.client.load("strict-diffusers")
    try:
        with pytest.raises(RequestFailed, match=r"\[INVALID_ARG\] the model's own safety checker"):
            await diffusers_server.client.draw("strict-diffusers")
    finally:
        await diffusers_server.client.unload("strict-diffusers")


async def _load_refused(server: Server, entry: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await server.client.load(entry)
    return str(refused.value.details())


def _copy(server: Server, repository: Path, name: str) -> tuple[str, Path]:
    folder = repository / f"{name}-{server.ending}"
    shutil.copytree(repository / server.entry("sd"), folder)
    return folder.name, folder


async def test_a_bad_setting_is_named_at_the_load(server: Server, image_repository: Path) -> None:
    entry, folder = _copy(server, image_repository, "bad-setting")
    with (folder / "config.pbtxt").open("a") as config:
        config.write('\nparameters { key: "MAX_PIXELS" value { string_value: "many" } }\n')
    assert "MAX_PIXELS of config.pbtxt is 'many'" in await _load_refused(server, entry)


async def test_a_damaged_entry_is_named_at_the_load(server: Server, image_repository: Path) -> None:
    entry, folder = _copy(server, image_repository, "damaged")
    shutil.rmtree(folder / "1" / "unet")
    assert "cannot load the model" in await _load_refused(server, entry)


async def test_a_full_queue_refuses(server: Server, image_repository: Path) -> None:
    entry, folder = _copy(server, image_repository, "short-queue")
    with (folder / "config.pbtxt").open("a") as config:
        config.write('\nparameters { key: "MAX_QUEUE_SIZE" value { string_value: "0" } }\n')
    await server.client.load(entry)
    try:
        stream = server.client.stream(entry, width=512, height=512, num_inference_steps=150, num_images_per_prompt=10)
        await anext(stream)
        with pytest.raises(RequestFailed, match=r"\[UNAVAILABLE\]"):
            await server.client.draw(entry)
        await stream.aclose()  # type: ignore[attr-defined]
    finally:
        await server.client.unload(entry)
