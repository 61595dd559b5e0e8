"""Pictures by the unmodified `openai` client, with a real engine below."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from tests.system.service import Service
from tests.system.tasks.marks import proves

QUICK = {"steps": 2, "seed": 7}


def opened(data: str | bytes | None) -> Image.Image:
    assert data
    return Image.open(io.BytesIO(base64.b64decode(data) if isinstance(data, str) else data))


def file_of(picture: Image.Image) -> io.BytesIO:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    buffer.name = "picture.png"
    buffer.seek(0)
    return buffer


def difference(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


@proves(
    "/v1/images/generations",
    "",
    "prompt",
    "model",
    "n",
    "size",
    "seed",
    "steps",
    "user",
    "safety_identifier",
    "moderation",
)
def test_pictures_are_drawn_as_asked(asked: openai.OpenAI) -> None:
    made = asked.images.generate(prompt="a boat", n=2, size="64x64", moderation="low", user="me", extra_body=QUICK)
    assert made.data
    assert [opened(each.b64_json).size for each in made.data] == [(64, 64)] * 2
    assert made.size == "64x64"
    assert made.data[0].b64_json != made.data[1].b64_json
    again = asked.images.generate(
        model="painter", prompt="a boat", size="64x64", extra_body={**QUICK, "safety_identifier": "me"}
    )
    assert again.data
    assert again.data[0].b64_json == made.data[0].b64_json
    other = asked.images.generate(model="painter", prompt="a boat", size="64x64", extra_body={**QUICK, "steps": 3})
    assert other.data
    assert other.data[0].b64_json != made.data[0].b64_json


@proves("/v1/images/generations", "guidance_scale", "negative_prompt", "lora")
@pytest.mark.parametrize(
    "extra", [{"guidance_scale": 1.5}, {"negative_prompt": "fog and rain"}, {"lora": {"swirl": 4.0}}], ids=str
)
def test_each_extension_changes_the_picture(asked: openai.OpenAI, extra: dict[str, Any]) -> None:
    def draw(**more: Any) -> bytes:
        made = asked.images.generate(model="painter", prompt="a boat", size="64x64", extra_body={**QUICK, **more})
        assert made.data
        return opened(made.data[0].b64_json).tobytes()

    assert draw(**extra) != draw()


@pytest.mark.proves("GET /v1/images/files/{name}", "", "honoured")
@proves("/v1/images/generations", "response_format", "output_format", "output_compression")
def test_a_picture_can_be_fetched_from_its_address(tasks: Service, asked: openai.OpenAI) -> None:
    made = asked.images.generate(
        model="painter", prompt="a boat", size="64x64", response_format="url", output_format="webp", extra_body=QUICK
    )
    assert made.data
    url = made.data[0].url
    assert url
    assert url.startswith(f"{tasks.url}/v1/images/files/")
    fetched = httpx.get(url)
    assert fetched.headers["content-type"] == "image/webp"
    assert opened(fetched.content).format == "WEBP"
    assert httpx.get(f"{url}x").status_code == 404
    rough = asked.images.generate(
        model="painter", prompt="a boat", size="64x64", output_format="jpeg", output_compression=10, extra_body=QUICK
    )
    assert rough.data
    assert opened(rough.data[0].b64_json).format == "JPEG"


@proves("/v1/images/generations", "stream")
def test_a_streamed_picture_is_one_event(asked: openai.OpenAI) -> None:
    events = list(
        asked.images.generate(model="painter", prompt="a boat", size="64x64", stream=True, n=2, extra_body=QUICK)
    )
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert opened(events[0].b64_json).size == (64, 64)


@proves("/v1/images/edits", "", "image", "mask", "prompt", "model", "n", "size", "stream", "strength", "steps", "seed")
def test_an_image_is_filled_in_where_the_mask_is_transparent(asked: openai.OpenAI) -> None:
    base = Image.new("RGB", (64, 64), "teal")
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 64, 32))  # the upper half
    edit = {"model": "painter", "prompt": "a boat", "extra_body": QUICK}
    made = asked.images.edit(image=file_of(base), mask=file_of(mask), size="64x64", n=1, **edit)
    assert made.data
    upper = opened(made.data[0].b64_json).crop((0, 0, 64, 24)).tobytes()
    other_way = asked.images.edit(image=file_of(base), mask=file_of(Image.new("RGBA", (64, 64), "black")), **edit)
    assert other_way.data
    other = opened(other_way.data[0].b64_json).crop((0, 0, 64, 24)).tobytes()
    assert upper != other
    # Holes of the image itself are a mask.
    pierced = base.convert("RGBA")
    pierced.putalpha(mask.getchannel("A"))
    alone = asked.images.edit(image=file_of(pierced), size="64x64", **edit)
    assert alone.data
    # Not the same to the bit: what is transparent is white below.
    again = opened(alone.data[0].b64_json).crop((0, 0, 64, 24)).tobytes()
    assert difference(again, upper) < difference(again, other) / 4
    less, more = (
        asked.images.edit(
            image=[file_of(base)],
            model="painter",
            prompt="a boat",
            extra_body=QUICK | {"steps": 4, "strength": strength},
        )
        for strength in (0.25, 1)
    )
    assert less.data != more.data
    events = list(asked.images.edit(image=file_of(base), stream=True, **edit))
    assert [event.type for event in events] == ["image_edit.completed"]


@proves(
    "/v1/images/edits",
    "response_format",
    "output_format",
    "output_compression",
    "user",
    "safety_identifier",
    "moderation",
)
def test_a_changed_image_comes_as_it_is_wanted(asked: openai.OpenAI) -> None:
    made = asked.images.edit(
        image=file_of(Image.new("RGB", (64, 64), "teal")),
        model="painter",
        prompt="a boat",
        response_format="url",
        output_format="jpeg",
        output_compression=10,
        user="me",
        extra_body={**QUICK, "safety_identifier": "me", "moderation": "low"},
    )
    assert made.data
    assert made.output_format == "jpeg"
    assert made.data[0].url
    assert opened(httpx.get(made.data[0].url).content).format == "JPEG"


@proves("/v1/images/variations", "", "image", "model", "n", "size", "response_format", "user")
def test_variations_are_like_the_image_and_differ(tasks: Service, asked: openai.OpenAI) -> None:
    base = file_of(Image.new("RGB", (256, 256), "teal"))
    made = asked.images.create_variation(
        image=base, model="painter", n=2, size="256x256", response_format="b64_json", user="me", extra_body=QUICK
    )
    assert made.data
    assert [opened(each.b64_json).size for each in made.data] == [(256, 256)] * 2
    assert made.data[0].b64_json != made.data[1].b64_json
    coded = base64.b64encode(base.getvalue()).decode()
    by_json = httpx.post(
        f"{tasks.url}/v1/images/variations",
        json={"image": f"data:image/png;base64,{coded}", "model": "painter", "size": "256x256", **QUICK},
        timeout=60,
    )
    assert by_json.json()["data"][0]["b64_json"] == made.data[0].b64_json


EXTENSIONS: dict[str, Any] = {
    "guidance_scale": 1.5,
    "negative_prompt": "fog and rain",
    "lora": {"swirl": 4.0},
    "strength": 0.4,
    "steps": 3,
    "seed": 8,
}


@proves("/v1/images/edits", "guidance_scale", "negative_prompt", "lora")
@proves("/v1/images/variations", *EXTENSIONS, "prompt")
@pytest.mark.parametrize("path", ["edits", "variations"])
def test_each_extension_changes_what_is_made_of_an_image(tasks: Service, path: str) -> None:
    coded = base64.b64encode(file_of(Image.new("RGB", (64, 64), "teal")).getvalue()).decode()
    question = {
        "image": coded,
        "model": "painter",
        "prompt": "a boat",
        "size": "64x64",
        "strength": 0.9,
        "steps": 4,
        "seed": 7,
    }

    def made(**more: Any) -> str:
        answer = httpx.post(f"{tasks.url}/v1/images/{path}", json=question | more, timeout=60)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["data"][0]["b64_json"]
        return found

    plain = made()
    assert {
        name for name, value in {**EXTENSIONS, "prompt": "bread"}.items() if made(**{name: value}) == plain
    } == set()


@proves(
    "/v1/images/variations", "output_format", "output_compression", "stream", "moderation", "safety_identifier", "user"
)
def test_a_variation_comes_as_it_is_wanted(tasks: Service) -> None:
    coded = base64.b64encode(file_of(Image.new("RGB", (64, 64), "teal")).getvalue()).decode()
    question = {"image": coded, "model": "painter", "size": "64x64", "output_format": "jpeg", **QUICK}
    labels = {"moderation": "low", "safety_identifier": "me", "user": "me"}
    url = f"{tasks.url}/v1/images/variations"
    fine = opened(httpx.post(url, json=question | labels, timeout=60).json()["data"][0]["b64_json"])
    rough = opened(
        httpx.post(url, json=question | {"output_compression": 10}, timeout=60).json()["data"][0]["b64_json"]
    )
    assert (fine.format, rough.format) == ("JPEG", "JPEG")
    assert fine.tobytes() != rough.tobytes()
    streamed = httpx.post(url, json=question | {"stream": True}, timeout=60).text
    assert streamed.count("data: ") == 1
    assert opened(json.loads(streamed.removeprefix("data: "))["b64_json"]).tobytes() == fine.tobytes()


def test_a_picture_that_nobody_waits_for_is_not_drawn_to_its_end(tasks: Service, asked: openai.OpenAI) -> None:
    def figures(name: str) -> list[float]:
        page = httpx.get(f"{tasks.url}/metrics").text
        return [float(value) for value in re.findall(rf"^{name}(?:{{.*painter.*}})? (\S+)$", page, flags=re.M)]

    cancelled = "modelyard_gateway_cancelled_requests_total"
    before = sum(figures(cancelled))
    endless = {"model": "painter", "prompt": "a boat", "n": 10, "steps": 150, "size": "512x512"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{tasks.url}/v1/images/generations", json=endless, timeout=0.5)
    while sum(figures(cancelled)) == before:
        time.sleep(0.05)
    assert figures("modelyard_gateway_requests_in_flight") == [0]
    # The engine draws one after the other, so this one would wait for the ten.
    assert asked.images.generate(model="painter", prompt="a boat", size="64x64", extra_body=QUICK, timeout=20).data


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"size": "65x64"}, "size"),
        ({"extra_body": {"lora": {"nobody": 1.0}}}, "lora"),
        ({"extra_body": {"guidance_scale": 0.5, "negative_prompt": "fog"}}, "negative_prompt"),
    ],
)
def test_what_the_painter_refuses_names_the_clients_field(
    asked: openai.OpenAI, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        asked.images.generate(model="painter", prompt="a boat", **more)
    assert caught.value.param == param
