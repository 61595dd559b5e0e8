"""What a client sees of the image backends, through the real Triton: OpenVINO GenAI's, and Diffusers' on PyTorch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.backends.images.conftest import Server, mask_file, picture_file
from tests.backends.images.image_client import RequestFailed
from tests.backends.images.tiny_entries import ADAPTER

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_prompt_becomes_a_picture(server: Server) -> None:
    drawn = await server.client.draw(server.entry("sd"), width=64, height=128)
    (picture,) = drawn.pictures
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (64, 128))
    assert len(picture.getcolors(64 * 128) or ()) > 100  # it is not of one colour


async def test_the_checkpoint_gives_the_size_of_who_names_none(server: Server) -> None:
    (picture,) = (await server.client.draw(server.entry("sd"))).pictures
    assert picture.size == (64, 64)


async def test_progress_grows_to_one_and_the_files_come_last(server: Server) -> None:
    drawn = await server.client.draw(server.entry("sd"), num_inference_steps=4, num_images_per_prompt=2)
    assert len(drawn.progress) >= 8
    assert drawn.progress == sorted(drawn.progress)
    assert 0 < drawn.progress[0] < 0.2
    assert drawn.progress[-1] == 1
    assert drawn.files_before_the_end == 0
    assert len(drawn.files) == 2


async def test_a_seed_gives_the_same_picture_twice(server: Server) -> None:
    sd = server.entry("sd")
    first, again, other = [(await server.client.draw(sd, seed=seed)).files for seed in (7, 7, 8)]
    assert first == again != other


async def test_without_a_seed_no_two_pictures_are_the_same(server: Server) -> None:
    first, second = [(await server.client.draw(server.entry("sd"))).files for _ in range(2)]
    assert first != second


async def test_seeds_of_several_pictures_are_counted_on(server: Server) -> None:
    both = (await server.client.draw(server.entry("sd"), seed=7, num_images_per_prompt=2)).files
    alone = [(await server.client.draw(server.entry("sd"), seed=seed)).files[0] for seed in (7, 8)]
    assert both == alone


async def test_prompts_and_options_make_a_difference(server: Server) -> None:
    sd = server.entry("sd")
    pictures = [
        (await server.client.draw(sd, seed=7)).files[0],
        (await server.client.draw(sd, "a lighthouse", seed=7)).files[0],
        (await server.client.draw(sd, seed=7, negative_prompt="grey sky")).files[0],
        (await server.client.draw(sd, seed=7, guidance_scale=3)).files[0],
        (await server.client.draw(sd, seed=7, num_inference_steps=3)).files[0],
    ]
    assert len(set(pictures)) == len(pictures)


async def test_a_long_prompt_is_drawn(server: Server) -> None:
    assert (await server.client.draw(server.entry("sd"), "a boat and " * 200)).files


async def test_a_picture_is_changed(server: Server) -> None:
    sd, options = server.entry("sd"), {"seed": 7, "num_inference_steps": 4}
    first = await server.client.draw(sd, image=picture_file("teal"), **options)
    again = await server.client.draw(sd, image=picture_file("teal"), **options)
    of_another = await server.client.draw(sd, image=picture_file("crimson"), **options)
    further = await server.client.draw(sd, image=picture_file("teal"), strength=1.0, **options)
    assert first.files == again.files
    assert len({first.pixels, of_another.pixels, further.pixels}) == 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_sent_picture_keeps_its_shape(server: Server, kind: str) -> None:
    drawn = await server.client.draw(server.entry("sd"), image=picture_file(size=(600, 150), kind=kind))
    (picture,) = drawn.pictures
    assert picture.size == (128, 32)


async def test_a_sent_picture_gets_the_size_that_was_asked_for(server: Server) -> None:
    drawn = await server.client.draw(server.entry("sd"), image=picture_file(size=(300, 200)), width=96, height=64)
    (picture,) = drawn.pictures
    assert picture.size == (96, 64)


async def test_a_part_of_a_picture_is_filled_in(server: Server) -> None:
    sd, options = server.entry("sd"), {"seed": 7, "num_inference_steps": 4, "image": picture_file()}
    first = await server.client.draw(sd, mask=mask_file((16, 16, 48, 48)), **options)
    again = await server.client.draw(sd, mask=mask_file((16, 16, 48, 48)), **options)
    elsewhere = await server.client.draw(sd, mask=mask_file((0, 0, 16, 64)), **options)
    assert first.files == again.files
    assert first.pixels != elsewhere.pixels


async def test_an_adapter_changes_the_picture_of_who_asks_for_it(server: Server) -> None:
    sd = server.entry("sd")
    plain = (await server.client.draw(sd, seed=7)).files
    with_it = (await server.client.draw(sd, seed=7, lora={ADAPTER: 1.0})).files
    half = (await server.client.draw(sd, seed=7, lora={ADAPTER: 0.5})).files
    afterwards = (await server.client.draw(sd, seed=7)).files
    assert plain == afterwards
    assert plain != with_it != half != plain


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"wdith": 64}, "'wdith'"),
        ({"width": 65}, "'width' must be a multiple of 8"),
        ({"height": "64"}, "'height'"),
        ({"width": 4096, "height": 4096}, "MAX_PIXELS"),
        ({"num_inference_steps": 0}, "'num_inference_steps'"),
        ({"num_inference_steps": 151}, "'num_inference_steps'"),
        ({"num_images_per_prompt": 11}, "'num_images_per_prompt'"),
        ({"guidance_scale": -1}, "'guidance_scale'"),
        ({"guidance_scale": 1, "negative_prompt": "x"}, "'negative_prompt'"),
        ({"seed": -1}, "'seed'"),
        ({"strength": 0.5}, "'strength' needs 'image'"),
        ({"image": picture_file(), "strength": 1.5}, "'strength'"),
        ({"image": picture_file(), "strength": 0.1}, "'strength'"),
        ({"mask": mask_file((0, 0, 8, 8))}, "'mask' needs 'image'"),
        ({"image": b"GIF89a"}, "'image' is not a PNG, JPEG or WebP file"),
        ({"image": picture_file()[:100]}, "'image' cannot be read"),
        ({"lora": {"unheard-of": 1}}, "'unheard-of'"),
        ({"lora": {ADAPTER: "much"}}, f"'lora.{ADAPTER}'"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(
    server: Server, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestFailed) as refused:
        await server.client.draw(server.entry("sd"), **parameters)
    assert str(refused.value).startswith("[INVALID_ARG] ")
    assert words in str(refused.value)


async def test_a_client_that_hangs_up_does_not_hold_up_the_next(server: Server) -> None:
    # Ten pictures of this size and number of steps would take longer than the test may.
    stream = server.client.stream(
        server.entry("sd"), width=1024, height=1024, num_inference_steps=150, num_images_per_prompt=10
    )
    progress, _ = await anext(stream)
    assert progress < 0.01
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await server.client.draw(server.entry("sd"))).files


async def test_others_wait_their_turn(server: Server) -> None:
    alone = (await server.client.draw(server.entry("sd"), seed=7)).files
    together = await asyncio.gather(*(server.client.draw(server.entry("sd"), seed=7) for _ in range(5)))
    assert all(drawn.files == alone for drawn in together)


async def test_the_configuration_is_completed(server: Server) -> None:
    config = await server.client.config(server.entry("sd"))
    assert config.model_transaction_policy.decoupled
    assert [(each.name, each.optional) for each in config.input] == [
        ("prompt", False),
        ("image", True),
        ("mask", True),
        ("parameters", True),
    ]
    assert [(each.name, list(each.dims)) for each in config.output] == [("progress", [1]), ("image", [-1])]
