"""Models that see answer about images in the real Triton, as transformers would have it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.backends.triton_client import Client, RequestFailed
from tests.backends.vision.tiny_vision import QUESTIONS, TEXT, TOKENS, prompt
from tests.converters.vision_checkpoints import CONTEXT, FAMILIES, SIDE, TAGS, picture

pytestmark = pytest.mark.asyncio(loop_scope="session")


def encoded(image: Image.Image, kind: str = "PNG") -> str:
    """As the contract has it: a file in base64."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def images(*seeds: int) -> list[str]:
    return [encoded(Image.fromarray(picture(seed))) for seed in seeds]


async def ask(client: Client, model: str, text: str, *files: str, tokens: int = TOKENS, **more: Any) -> Any:
    tensors = {"image": list(files)} if files else {}
    return await client.ask(text, model, tensors=tensors, temperature=0, max_tokens=tokens, **more)


async def refusal(client: Client, model: str, text: str, *files: str) -> str:
    with pytest.raises(RequestFailed) as refused:
        await ask(client, model, text, *files)
    assert str(refused.value).startswith("[INVALID_ARG] ")
    return str(refused.value)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seeds", QUESTIONS, ids=str)
async def test_the_answer_is_transformers_own(
    seeing: Client, answers: dict[str, dict[str, str]], family: str, seeds: tuple[int, ...]
) -> None:
    answer = await ask(seeing, family, prompt(family, seeds), *images(*seeds))
    assert answer.text == answers[family][str(seeds)]
    assert answer.finish_reason == ("length" if answer.tokens[0] == TOKENS else "stop")


@pytest.mark.parametrize("family", FAMILIES)
async def test_images_are_seen(answers: dict[str, dict[str, str]], family: str) -> None:
    assert answers[family]["()"] != answers[family]["(0,)"]
    if family != "gemma3":  # four tokens of an image tell two of them apart too little to change these words
        assert len(set(answers[family].values())) == len(QUESTIONS)


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_prompt_without_a_place_has_its_images_in_front(seeing: Client, family: str) -> None:
    tagged = await ask(seeing, family, prompt(family, (0,)), *images(0))
    for untagged in (TEXT, f"<ov_genai_image_0>{TEXT}"):
        answer = await ask(seeing, family, untagged, *images(0))
        assert (answer.text, answer.prompt_tokens) == (tagged.text, tagged.prompt_tokens)


async def test_image_tokens_are_counted_and_fill_the_context(seeing: Client) -> None:
    without = await ask(seeing, "llava", TEXT)
    one = await ask(seeing, "llava", prompt("llava", (0,)), *images(0))
    assert one.prompt_tokens == without.prompt_tokens + 16 + 1  # and a line break, which the engine adds
    whole = await ask(seeing, "llava", prompt("llava", (0,)), *images(0), tokens=CONTEXT, ignore_eos=True)
    assert whole.prompt_tokens + whole.tokens[0] == CONTEXT
    assert whole.finish_reason == "length"
    long = TEXT * 18
    assert (await ask(seeing, "llava", long)).prompt_tokens < CONTEXT
    assert "does not fit a context of 256" in await refusal(seeing, "llava", TAGS["llava"] * 3 + long, *images(0, 1, 2))


async def test_several_at_once_and_several_answers(seeing: Client, answers: dict[str, dict[str, str]]) -> None:
    asked = [seeds for seeds in QUESTIONS if seeds] * 3
    found = await asyncio.gather(*(ask(seeing, "qwen2_vl", prompt("qwen2_vl", each), *images(*each)) for each in asked))
    assert [answer.text for answer in found] == [answers["qwen2_vl"][str(each)] for each in asked]
    twice = await ask(seeing, "qwen2_vl", prompt("qwen2_vl", (1,)), *images(1), n=2)
    assert twice.texts == [answers["qwen2_vl"]["(1,)"]] * 2


async def test_other_kinds_of_files_are_taken(seeing: Client) -> None:
    plain = Image.fromarray(picture(0))
    png = await ask(seeing, "llava", TEXT, encoded(plain))
    transparent = plain.convert("RGBA")
    transparent.putalpha(0)
    white = await ask(seeing, "llava", TEXT, encoded(Image.new("RGB", (SIDE, SIDE), "white")))
    assert (await ask(seeing, "llava", TEXT, encoded(transparent))).text == white.text != png.text
    assert (await ask(seeing, "llava", TEXT, encoded(plain.convert("L"), "JPEG"))).text
    assert (await ask(seeing, "llava", TEXT, encoded(plain.resize((700, 90)), "WEBP"))).text


async def test_images_that_are_none_are_refused_by_place(seeing: Client) -> None:
    good, text = images(0)[0], prompt("llava", (0, 1))
    assert "'image[1]' is not base64" in await refusal(seeing, "llava", text, good, "%%%")
    assert "'image[1]' is not a PNG" in await refusal(seeing, "llava", text, good, base64.b64encode(b"hello").decode())
    cut = base64.b64encode(base64.b64decode(good)[:-40]).decode()
    assert "'image[0]' cannot be read" in await refusal(seeing, "llava", text, cut, good)
    bomb = encoded(Image.new("1", (9000, 9000)))  # 81 million pixels in ten thousand bytes
    assert "at most 50000000" in await refusal(seeing, "llava", text, good, bomb)
    assert "MAX_IMAGES" in await refusal(seeing, "llava", TEXT, *[good] * 9)


async def test_places_and_images_must_go_together(seeing: Client) -> None:
    assert "number of native vision tags" in await refusal(seeing, "llava", prompt("llava", (0, 1)), *images(0))
    assert "number of native vision tags" in await refusal(seeing, "llava", prompt("llava", (0,)))
    assert "Missing image" in await refusal(seeing, "llava", f"<ov_genai_image_1>{TEXT}", *images(0))
    # The engine is none the worse for it.
    assert (await ask(seeing, "llava", TEXT, *images(0))).text


async def test_a_model_of_text_refuses_images(seeing: Client) -> None:
    assert "'image' cannot be honoured" in await refusal(seeing, "blind", TEXT, *images(0))
    assert (await ask(seeing, "blind", TEXT)).text


async def test_settings_bound_images(seeing: Client, vision_repository: Path) -> None:
    entry = vision_repository / "strict"
    shutil.copytree(vision_repository / "llava" / "1", entry / "1")
    parameters = {"MAX_IMAGES": "1", "MAX_IMAGE_PIXELS": "100"}
    lines = [f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}' for key, value in parameters.items()]
    (entry / "config.pbtxt").write_text("\n".join(['backend: "openvino_genai"', *lines]))
    await seeing.load("strict")
    assert "at most 100" in await refusal(seeing, "strict", TEXT, *images(0))
    assert "this model takes 1 (MAX_IMAGES)" in await refusal(seeing, "strict", TEXT, *images(0, 1))
    await seeing.unload("strict")


async def test_an_answer_about_an_image_can_be_held_to_a_shape(seeing: Client) -> None:
    schema = {"type": "object", "properties": {"cat": {"type": "boolean"}}, "required": ["cat"]}
    held: dict[str, Any] = {"structured_outputs": {"json": schema}, "tokens": 40}
    told = await ask(seeing, "qwen2_vl", prompt("qwen2_vl", (0,)), *images(0), **held)
    assert json.loads(told.text) in ({"cat": True}, {"cat": False})
    assert told.finish_reason == "stop"
    with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] 'structured_outputs' "):
        await ask(seeing, "qwen2_vl", TEXT, structured_outputs={"grammar": "root ::= ((("})
    assert (await ask(seeing, "qwen2_vl", TEXT)).text


async def test_a_model_that_sees_takes_no_prompt_in_tokens(seeing: Client) -> None:
    with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] 'token_ids' cannot be honoured"):
        await seeing.ask("", "llava", tensors={"token_ids": [5]})
    responses = [
        each.outputs async for each in seeing.stream(TEXT, "llava", tensors={"operation": "tokenize", "stream": None})
    ]
    assert responses[0]["num_input_tokens"] == [len(responses[0]["token_ids"])]
