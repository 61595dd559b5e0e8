"""The tensor contract and the sampling parameters on llama.cpp, through a real Triton."""

from __future__ import annotations

import asyncio
import json
import math
import re

import jsonschema
import pytest

from tests.backends.test_structured_outputs import PERSON
from tests.backends.triton_client import Client, RequestFailed
from tests.converters.gguf_files import CONTEXT

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "hello world"
GREEDY = {"temperature": 0, "ignore_eos": True}
DRAWN = {"temperature": 1.5, "max_tokens": 24, "ignore_eos": True}


async def test_a_stream_is_the_same_text_as_one_response(client: Client) -> None:
    streamed = await client.ask(PROMPT, seed=11, **DRAWN)
    whole = await client.ask(PROMPT, seed=11, tensors={"stream": False, "exclude_input_in_output": True}, **DRAWN)
    assert streamed.text == whole.text
    assert streamed.tokens == whole.tokens == [24]
    assert whole.responses == 1
    assert streamed.responses > 1


async def test_the_prompt_comes_first_unless_it_is_excluded(client: Client) -> None:
    bare = await client.ask(PROMPT, tensors={"stream": False, "exclude_input_in_output": True}, **GREEDY)
    default = await client.ask(PROMPT, tensors={"stream": False}, **GREEDY)
    assert default.text == PROMPT + bare.text


async def test_the_shapes_are_those_of_the_other_backends(client: Client) -> None:
    config = await client.config("tiny")
    assert config.max_batch_size == 0
    assert config.model_transaction_policy.decoupled
    assert [each.name for each in config.input if not each.optional] == ["text_input"]
    assert {each.name: list(each.dims) for each in config.output} == {
        "text_output": [-1],
        "finish_reason": [-1],
        "cumulative_logprob": [-1],
        "logprobs": [-1],
        "num_input_tokens": [1],
        "num_output_tokens": [-1],
        "token_ids": [-1],
    }


async def test_only_what_was_asked_for_is_returned(client: Client) -> None:
    responses = [response async for response in client.stream(PROMPT, **GREEDY)]
    assert all(set(response.outputs) == {"text_output"} for response in responses)
    assert [response.final for response in responses] == [False] * (len(responses) - 1) + [True]


async def test_a_null_max_tokens_fills_the_context(client: Client) -> None:
    answer = await client.ask(PROMPT, max_tokens=None, **GREEDY)
    assert answer.prompt_tokens + answer.tokens[0] == CONTEXT
    assert answer.finish_reason == "length"


async def test_a_bos_that_the_template_has_written_is_not_added_again(client: Client) -> None:
    bare, written = await client.ask(PROMPT, **GREEDY), await client.ask(f"<s>{PROMPT}", **GREEDY)
    assert bare.prompt_tokens == written.prompt_tokens == 3
    assert bare.text == written.text


async def test_n_answers(client: Client) -> None:
    answer = await client.ask(PROMPT, n=3, seed=5, **DRAWN)
    assert answer.tokens == [24, 24, 24]
    assert answer.finish_reasons == ["length"] * 3
    assert answer.texts == [(await client.ask(PROMPT, seed=seed, **DRAWN)).text for seed in (5, 6, 7)]
    assert len(set(answer.texts)) == 3


async def test_without_a_seed_answers_differ(client: Client) -> None:
    answers = await asyncio.gather(*(client.ask(PROMPT, **DRAWN) for _ in range(4)))
    assert len({answer.text for answer in answers}) > 1


async def test_the_end_token_ends_the_answer(client: Client) -> None:
    ending = {"logit_bias": {"1": 100}, "temperature": 0}
    answer = await client.ask(PROMPT, **ending)
    assert (answer.text, answer.finish_reason, answer.tokens) == ("", "stop", [1])
    assert (await client.ask(PROMPT, skip_special_tokens=False, **ending)).text == ""
    shown = await client.ask(PROMPT, skip_special_tokens=False, include_stop_str_in_output=True, **ending)
    assert shown.text == "</s>"
    assert (await client.ask(PROMPT, ignore_eos=True, **ending)).tokens == [16]


async def test_special_tokens_are_shown_when_asked_for(client: Client) -> None:
    forced = {"logit_bias": {"2": 100}, "max_tokens": 2, **GREEDY}
    assert (await client.ask(PROMPT, **forced)).text == ""
    assert (await client.ask(PROMPT, skip_special_tokens=False, **forced)).text == "<|im_start|>" * 2


async def test_a_stop_token_ends_the_answer_and_is_not_shown(client: Client) -> None:
    forced = {"logit_bias": {"20": 100}, "stop_token_ids": [20], **GREEDY}
    answer = await client.ask(PROMPT, **forced)
    assert (answer.text, answer.finish_reason, answer.tokens) == ("", "stop", [1])
    assert (await client.ask(PROMPT, include_stop_str_in_output=True, **forced)).text == "1"


async def test_a_stop_string_ends_the_answer_and_is_not_shown(client: Client) -> None:
    whole = (await client.ask(PROMPT, max_tokens=60, **GREEDY)).text
    stop = whole[20:24]
    answer = await client.ask(PROMPT, max_tokens=60, stop=["never comes", stop], **GREEDY)
    assert answer.text == whole[: whole.index(stop)]
    assert answer.finish_reason == "stop"
    assert answer.tokens[0] < 60
    shown = await client.ask(PROMPT, max_tokens=60, stop=stop, include_stop_str_in_output=True, **GREEDY)
    assert shown.text == whole[: whole.index(stop) + 4]
    await client.metric_becomes(0, "modelyard_sequences_running")


async def test_logprobs_have_the_likeliest_tokens(client: Client) -> None:
    answer = await client.ask(PROMPT, logprobs=3, max_tokens=1, **GREEDY)
    ((chosen, first), (_, second), (_, third)) = answer.logprobs[0]
    assert [first["rank"], second["rank"], third["rank"]] == [1, 2, 3]
    assert 0 >= first["logprob"] >= second["logprob"] >= third["logprob"]
    assert answer.cumulative_logprobs[0] == pytest.approx(first["logprob"], rel=1e-4)
    forced = await client.ask(PROMPT, logprobs=2, max_tokens=1, logit_bias={"20": 100}, **GREEDY)
    assert forced.logprobs[0][0][0] == 20 != chosen
    assert forced.logprobs[0][0][1]["decoded_token"] == "1"
    assert len(forced.logprobs[0]) == 3


async def test_logprobs_of_the_chosen_token_only(client: Client) -> None:
    answer = await client.ask(PROMPT, logprobs=0, max_tokens=8, logit_bias={"20": 100}, **GREEDY)
    assert answer.ids == [[20] * 8]
    told = [about["logprob"] for _, about in answer.logprobs[0]]
    assert answer.cumulative_logprobs[0] == pytest.approx(math.fsum(told), rel=1e-4)
    responses = [response async for response in client.stream(PROMPT, tensors={"return_logprobs": True}, **GREEDY)]
    assert {text for response in responses for text in response.logprobs} == {"null"}


async def test_penalties_change_the_answer(client: Client) -> None:
    plain = await client.ask(PROMPT, max_tokens=120, **GREEDY)
    for penalty in ({"presence_penalty": 2}, {"frequency_penalty": 2}, {"repetition_penalty": 5}):
        assert (await client.ask(PROMPT, max_tokens=120, **penalty, **GREEDY)).text != plain.text


async def test_the_narrowest_choice_is_greedy(client: Client) -> None:
    greedy = await client.ask(PROMPT, max_tokens=20, **GREEDY)
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 0.999}, {"temperature": 1e-3}):
        drawn = {"seed": 9, "ignore_eos": True, "max_tokens": 20}
        assert (await client.ask(PROMPT, **drawn, **narrow)).text == greedy.text


async def test_an_adapter_changes_the_answer_of_who_asks_for_it(client: Client) -> None:
    plain = await client.ask(PROMPT, **GREEDY)
    together = await asyncio.gather(client.ask(PROMPT, lora_name="other", **GREEDY), client.ask(PROMPT, **GREEDY))
    assert together[0].text != plain.text
    assert together[1].text == plain.text
    assert "'lora_name' is 'mine', but this model's adapters are other" in await refusal(client, lora_name="mine")


@pytest.mark.parametrize("name", ["structured_outputs", "guided_decoding"])
async def test_the_text_is_as_it_must_be(client: Client, name: str) -> None:
    async def text(constraint: object) -> str:
        return (await client.ask(PROMPT, max_tokens=200, seed=4, **{name: constraint})).text

    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    assert json.loads(await text({"json": schema})) in ({"a": 1}, {"a": 2})
    assert json.loads(await text(json.dumps({"json": json.dumps(schema)}))) in ({"a": 1}, {"a": 2})
    assert await text({"choice": ['ye"s\n', "nö"]}) in ('ye"s\n', "nö")
    assert re.fullmatch("[0-9]{3}/[ab]", await text({"regex": "[0-9]{3}/[ab]"}))
    assert await text({"grammar": 'root ::= "x" "y"'}) == "xy"


async def test_every_answer_that_ends_keeps_to_the_schema(client: Client) -> None:
    answers = await asyncio.gather(
        *(client.ask(PROMPT, structured_outputs={"json": PERSON}, max_tokens=300, seed=seed) for seed in range(20))
    )
    ended = [answer.text for answer in answers if answer.finish_reason == "stop"]
    assert len(ended) > 10
    for text in ended:
        jsonschema.validate(json.loads(text), PERSON)
        assert not re.search(r"\s{18}", text)


async def test_an_object_is_an_object(client: Client) -> None:
    answers = await asyncio.gather(
        *(client.ask(PROMPT, structured_outputs={"json_object": True}, max_tokens=300, seed=seed) for seed in range(8))
    )
    ended = [answer.text for answer in answers if answer.finish_reason == "stop"]
    assert ended
    assert all(isinstance(json.loads(text), dict) for text in ended)


async def refusal(
    client: Client, prompt: str = PROMPT, tensors: dict[str, object] | None = None, **more: object
) -> str:
    with pytest.raises(RequestFailed) as refused:
        await client.ask(prompt, tensors=tensors, **more)
    assert str(refused.value).startswith("[INVALID_ARG] ")
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_tokens", 2),
        ("prompt_logprobs", 1),
        ("bad_words", ["x"]),
        ("logprobs", 65),
        ("logit_bias", {"a": 1}),
        ("logit_bias", [[1, 2]]),
        ("temperature", -1),
        ("structured_outputs", {"structural_tag": {}}),
        ("structured_outputs", {"json": {}, "regex": "a"}),
        ("structured_outputs", {"choice": []}),
        ("structured_outputs", "{"),
        ("temprature", 1),
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(client: Client, name: str, value: object) -> None:
    assert f"'{name}'" in await refusal(client, **{name: value})


@pytest.mark.parametrize("constraint", [{"grammar": "root ::= ((("}, {"regex": "a(?=b)"}, {"json": {"type": 3}}])
async def test_a_constraint_that_means_nothing_is_refused(client: Client, constraint: dict[str, object]) -> None:
    await refusal(client, structured_outputs=constraint)
    assert (await client.ask(PROMPT, **GREEDY)).tokens == [16]


@pytest.mark.parametrize(
    ("name", "value"),
    [("image", ["aGVsbG8="]), ("embedding_request", "{}"), ("exclude_input_in_output", False), ("text_input", b"\xff")],
)
async def test_inputs_that_cannot_be_honoured_are_named(client: Client, name: str, value: object) -> None:
    assert name in await refusal(client, tensors={name: value})


async def test_a_prompt_that_is_too_long(client: Client) -> None:
    said = await refusal(client, "hello" * 2 * CONTEXT)
    assert f"the prompt has {2 * CONTEXT + 1} tokens, the model's context is {CONTEXT}" in said


async def test_a_prompt_that_just_fits(client: Client) -> None:
    assert (await client.ask("hello" * (CONTEXT - 2), max_tokens=None, **GREEDY)).tokens == [1]


async def test_a_prompt_of_nothing(client: Client) -> None:
    # A BOS token is added, as to every prompt, and is all that there is.
    assert (await client.ask("", **GREEDY)).prompt_tokens == 1
