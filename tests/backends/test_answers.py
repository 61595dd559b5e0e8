"""The tensor contract and the sampling parameters, through a real Triton and the real engine."""

from __future__ import annotations

import asyncio

import pytest

from backends.openvino_genai.codec import open_codec
from tests.backends.tiny_model import CONTEXT
from tests.backends.triton_client import Client, RequestFailed

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "hello world"
GREEDY = {"temperature": 0, "ignore_eos": True}


async def test_a_stream_is_the_same_text_as_one_response(client: Client) -> None:
    drawn = {"max_tokens": 60, "temperature": 1.5, "seed": 11, "ignore_eos": True}
    streamed = await client.ask(PROMPT, **drawn)
    whole = await client.ask(PROMPT, tensors={"stream": False, "exclude_input_in_output": True}, **drawn)
    assert streamed.text == whole.text
    assert streamed.tokens == whole.tokens == [60]
    assert whole.responses == 1
    assert streamed.responses > 1


async def test_the_prompt_comes_first_unless_it_is_excluded(client: Client) -> None:
    bare = await client.ask(PROMPT, tensors={"stream": False, "exclude_input_in_output": True}, **GREEDY)
    default = await client.ask(PROMPT, tensors={"stream": False}, **GREEDY)
    absent = await client.ask(PROMPT, tensors={"stream": None}, **GREEDY)
    assert default.text == absent.text == PROMPT + bare.text


async def test_the_shapes_of_the_contract(client: Client) -> None:
    config = await client.config("tiny")
    assert config.max_batch_size == 0
    assert config.model_transaction_policy.decoupled
    assert {each.name: (list(each.dims), each.optional) for each in config.input} == {
        "text_input": ([1], False),
        "image": ([-1], True),
        **{
            name: ([1], True)
            for name in (
                "stream",
                "sampling_parameters",
                "exclude_input_in_output",
                "return_finish_reason",
                "return_cumulative_logprob",
                "return_logprobs",
                "return_num_input_tokens",
                "return_num_output_tokens",
                "embedding_request",
                "operation",
                "add_special_tokens",
            )
        },
        "token_ids": ([-1], True),
    }
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


async def test_the_last_content_carries_the_final_flag_and_the_reason(client: Client) -> None:
    reasons = [
        response.finish_reason
        async for response in client.stream(PROMPT, tensors={"return_finish_reason": True}, **GREEDY)
    ]
    assert reasons[-1] == ["length"]
    assert set(map(tuple, reasons[:-1])) == {("None",)}


async def test_without_parameters_there_are_16_tokens(client: Client) -> None:
    assert (await client.ask(PROMPT, tensors={"sampling_parameters": None})).tokens[0] <= 16


async def test_a_null_max_tokens_fills_the_context(client: Client) -> None:
    answer = await client.ask(PROMPT, max_tokens=None, **GREEDY)
    assert answer.prompt_tokens + answer.tokens[0] == CONTEXT
    assert answer.finish_reason == "length"


async def test_n_answers(client: Client) -> None:
    answer = await client.ask(PROMPT, n=3, seed=5, temperature=1.5, max_tokens=20, ignore_eos=True)
    assert len(set(answer.texts)) == 3
    assert answer.tokens == [20, 20, 20]
    assert answer.finish_reasons == ["length"] * 3
    singles = [
        await client.ask(PROMPT, seed=seed, temperature=1.5, max_tokens=20, ignore_eos=True) for seed in (5, 6, 7)
    ]
    assert answer.texts == [single.text for single in singles]


async def test_n_answers_to_a_long_prompt_share_it(client: Client) -> None:
    answer = await client.ask(PROMPT * 40, n=3, max_tokens=8, **GREEDY)
    assert len(set(answer.texts)) == 1
    assert answer.tokens == [8, 8, 8]


async def test_a_finished_answer_of_several_keeps_its_reason(client: Client) -> None:
    drawn = {"seed": 5, "temperature": 1.5, "max_tokens": 40, "ignore_eos": True, "logprobs": 0}
    ids = (await client.ask(PROMPT, n=2, **drawn)).ids
    # A token that ends the first answer early and does not come up in the second.
    ending = next(token for token in ids[0][:10] if token not in ids[1])
    ended = ids[0].index(ending) + 1
    responses = [
        response
        async for response in client.stream(
            PROMPT, tensors={"return_finish_reason": True}, n=2, stop_token_ids=[ending], **drawn
        )
    ]
    answer = await client.ask(PROMPT, n=2, stop_token_ids=[ending], **drawn)
    assert answer.tokens == [ended, 40]
    assert answer.finish_reasons == ["stop", "length"]
    told = [response.finish_reason[0] for response in responses]
    assert told == sorted(told, key=["None", "stop"].index)


async def test_a_seed_decides_and_without_one_answers_differ(client: Client) -> None:
    drawn = {"temperature": 1.5, "max_tokens": 24, "ignore_eos": True}
    assert (await client.ask(PROMPT, seed=3, **drawn)).text == (await client.ask(PROMPT, seed=3, **drawn)).text
    unseeded = await asyncio.gather(*(client.ask(PROMPT, **drawn) for _ in range(4)))
    assert len({answer.text for answer in unseeded}) > 1


async def test_logprobs_are_of_each_new_token(client: Client) -> None:
    answer = await client.ask(PROMPT, logprobs=0, max_tokens=20, **GREEDY)
    (entries,) = answer.logprobs
    assert len(entries) == 20
    assert all(about["logprob"] <= 0 and about["rank"] == 1 for _, about in entries)
    assert answer.cumulative_logprobs[0] == pytest.approx(sum(about["logprob"] for _, about in entries), rel=1e-4)
    drawn = await client.ask(PROMPT, logprobs=0, seed=1)
    assert drawn.logprobs[0][0][1]["rank"] is None


async def test_logprobs_that_were_not_asked_for_are_null(client: Client) -> None:
    responses = [response async for response in client.stream(PROMPT, tensors={"return_logprobs": True}, **GREEDY)]
    assert {text for response in responses for text in response.logprobs} == {"null"}


async def test_the_text_is_that_of_all_tokens_at_once(client: Client, version_folder) -> None:
    codec = open_codec(version_folder)
    prompts = [PROMPT, "世界", "a lazy dog", "fox", "🦊🦊"]
    answers = await asyncio.gather(*(client.ask(each, max_tokens=200, logprobs=0, **GREEDY) for each in prompts))
    for answer in answers:
        assert answer.text == codec.decode(answer.ids[0])
    # The random model makes broken characters in plenty, which is what this is about.
    assert any("\ufffd" in answer.text for answer in answers)


async def test_special_tokens_can_be_shown(client: Client, version_folder) -> None:
    codec = open_codec(version_folder)
    answer = await client.ask(PROMPT, max_tokens=400, logprobs=0, skip_special_tokens=False, **GREEDY)
    assert answer.text == codec.decode(answer.ids[0], skip_special_tokens=False)


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


async def test_stop_strings_do_not_count_before_min_tokens(client: Client) -> None:
    whole = await client.ask(PROMPT, max_tokens=60, **GREEDY)
    stop = whole.text[3]
    answer = await client.ask(PROMPT, max_tokens=60, min_tokens=40, stop=stop, **GREEDY)
    assert answer.tokens[0] > 40


async def test_a_stop_token_ends_the_answer_and_is_not_shown(client: Client, version_folder) -> None:
    ids = (await client.ask(PROMPT, max_tokens=30, logprobs=0, **GREEDY)).ids[0]
    ending = ids[12]
    until = ids.index(ending)
    for ignore_eos in (True, False):
        answer = await client.ask(
            PROMPT, max_tokens=30, temperature=0, stop_token_ids=[ending], logprobs=0, ignore_eos=ignore_eos
        )
        assert answer.ids[0] == ids[: until + 1]
        assert answer.finish_reason == "stop"
        assert answer.text == open_codec(version_folder).decode(ids[:until])


async def test_penalties_change_the_answer(client: Client) -> None:
    plain = await client.ask(PROMPT, max_tokens=120, logprobs=0, **GREEDY)
    for penalty in ({"presence_penalty": 2}, {"frequency_penalty": 2}, {"repetition_penalty": 5}):
        assert (await client.ask(PROMPT, max_tokens=120, **penalty, **GREEDY)).text != plain.text


async def test_top_k_1_is_greedy(client: Client) -> None:
    greedy = await client.ask(PROMPT, max_tokens=20, **GREEDY)
    assert (await client.ask(PROMPT, max_tokens=20, top_k=1, seed=9, ignore_eos=True)).text == greedy.text
    assert (await client.ask(PROMPT, max_tokens=20, top_p=1e-6, seed=9, ignore_eos=True)).text == greedy.text


async def refusal(client: Client, prompt: str = PROMPT, tensors=None, **sampling) -> str:
    with pytest.raises(RequestFailed) as refused:
        await client.ask(prompt, tensors=tensors, **sampling)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lora_name", "mine"),
        ("logit_bias", {"5": 1}),
        ("prompt_logprobs", 1),
        ("best_of", 2),
        ("logprobs", 5),
        ("temperature", -1),
        ("structured_outputs", '{"json": 3}'),
        ("temprature", 1),
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(client: Client, name: str, value: object) -> None:
    assert f"'{name}'" in await refusal(client, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", ["aGVsbG8="]),
        ("embedding_request", "{}"),
        ("exclude_input_in_output", False),
        ("sampling_parameters", "{"),
    ],
)
async def test_inputs_that_cannot_be_honoured_are_named(client: Client, name: str, value: object) -> None:
    assert name in await refusal(client, tensors={name: value})


async def test_a_prompt_that_is_too_long(client: Client) -> None:
    said = await refusal(client, "hello" * 2 * CONTEXT)
    assert f"the model's context is {CONTEXT}" in said
    assert str(2 * CONTEXT + 1) in said  # and the BOS token


async def test_a_prompt_that_just_fits(client: Client, version_folder) -> None:
    codec = open_codec(version_folder)
    prompt = "hello" * (CONTEXT - 2)
    assert len(codec.encode(prompt)) == CONTEXT - 1
    answer = await client.ask(prompt, max_tokens=None, **GREEDY)
    assert answer.tokens == [1]
    assert f"the prompt has {CONTEXT} tokens" in await refusal(client, prompt + "hello")


async def test_a_prompt_that_is_no_text(client: Client) -> None:
    assert "'text_input' is not UTF-8" in await refusal(client, tensors={"text_input": b"\xff"})


async def test_parameters_of_the_request_itself_are_read_too(client: Client) -> None:
    answer = await client.ask(PROMPT, tensors={"sampling_parameters": None}, parameters={"max_tokens": 3})
    assert answer.tokens == [3]
