"""Our requests and events as Triton's tensors, and back."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2
from tritonclient.utils import deserialize_bytes_tensor

from gateway.domain.generation import Finished, Sampling, TextDelta, Tokens, Usage
from gateway.domain.ports import Asked
from gateway.engine.tensors import Reader, decode_strings, encode_strings, sampling_json, to_infer_request
from modelyard.errors import InvalidInput


@given(st.lists(st.binary()))
def test_strings_survive_the_way_there_and_back(values: list[bytes]) -> None:
    assert decode_strings(encode_strings(values)) == values


@given(st.lists(st.binary(min_size=1), min_size=1))
def test_our_strings_are_read_by_tritonclient(values: list[bytes]) -> None:
    assert list(deserialize_bytes_tensor(encode_strings(values))) == values


@given(st.binary())
def test_no_bytes_at_all_break_the_reader(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert encode_strings(decode_strings(raw)) == raw


@given(st.text())
def test_a_prompt_arrives_as_it_is(prompt: str) -> None:
    rpc = to_infer_request("m", Asked(prompt), stream=True)
    tensors = dict(zip((each.name for each in rpc.inputs), rpc.raw_input_contents, strict=True))
    assert decode_strings(tensors["text_input"])[0].decode() == prompt
    assert tensors["stream"] == b"\x01"
    assert tensors["exclude_input_in_output"] == b"\x01"
    assert "return_logprobs" not in tensors


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1))
def test_a_prompt_of_tokens_arrives_as_it_is(ids: list[int]) -> None:
    rpc = to_infer_request("m", Asked(Tokens(tuple(ids))), stream=True)
    tensors = dict(zip((each.name for each in rpc.inputs), rpc.raw_input_contents, strict=True))
    assert decode_strings(tensors["text_input"]) == [b""]
    assert list(struct.unpack(f"<{len(ids)}i", tensors["token_ids"])) == ids
    assert [list(each.shape) for each in rpc.inputs if each.name == "token_ids"] == [[len(ids)]]


@pytest.mark.parametrize("ids", [(), (2**31,), (-(2**31) - 1,)])
def test_what_is_no_prompt_of_tokens_is_refused(ids: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput):
        to_infer_request("m", Asked(Tokens(ids)), stream=True)


def test_logprobs_are_asked_for_when_they_are_wanted() -> None:
    rpc = to_infer_request("m", Asked("p", Sampling(logprobs=0)), stream=False)
    assert "return_logprobs" in [each.name for each in rpc.inputs]


def test_only_what_is_set_is_sent() -> None:
    assert sampling_json(Sampling()) == b"{}"
    sent = json.loads(sampling_json(Sampling(temperature=0.0, stop=("a",), logprobs=0, logit_bias={"1": -1.0})))
    assert sent == {"temperature": 0.0, "stop": ["a"], "logprobs": 0, "logit_bias": {"1": -1.0}}


def _response(final: bool, **outputs: bytes) -> service_pb2.ModelInferResponse:
    rpc = service_pb2.ModelInferResponse()
    for name, raw in outputs.items():
        rpc.outputs.add(name=name)
        rpc.raw_output_contents.append(raw)
    rpc.parameters["triton_final_response"].bool_param = final
    return rpc


def test_tokens_are_counted_and_the_end_is_known() -> None:
    reader = Reader()
    first = _response(
        False,
        text_output=encode_strings([b"ab"]),
        finish_reason=encode_strings([b"None"]),
        num_output_tokens=struct.pack("<I", 2),
        num_input_tokens=struct.pack("<I", 7),
    )
    last = _response(
        False,
        text_output=encode_strings([b""]),
        finish_reason=encode_strings([b"length"]),
        num_output_tokens=struct.pack("<I", 1),
    )
    assert reader.read(first) == [TextDelta("ab")]
    assert reader.read(last) == []
    assert not reader.finished
    assert reader.read(_response(True)) == [Finished(("length",), Usage(7, 3))]
    assert reader.finished


def test_the_end_may_ride_on_the_last_text() -> None:
    reader = Reader()
    rpc = _response(True, text_output=encode_strings([b"x", b"y"]), finish_reason=encode_strings([b"stop", b"length"]))
    assert reader.read(rpc) == [TextDelta("x"), TextDelta("y", 1), Finished(("stop", "length"), Usage())]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert Reader().read(_response(False, text_output=encode_strings([b"\xff"]))) == [TextDelta("\ufffd")]


def test_logprobs_keep_the_chosen_token_apart_from_the_likeliest() -> None:
    step = {
        "5": {"logprob": -3.0, "rank": 9, "decoded_token": "chosen"},
        "1": {"logprob": -0.1, "rank": 1, "decoded_token": "best"},
    }
    rpc = _response(
        False, text_output=encode_strings([b"chosen"]), logprobs=encode_strings([json.dumps([step]).encode()])
    )
    (delta,) = Reader(with_logprobs=True).read(rpc)
    assert isinstance(delta, TextDelta)
    assert delta.logprobs[0].token == "chosen"
    assert [each.token for each in delta.logprobs[0].alternatives] == ["best", "chosen"]


def test_a_response_that_does_not_keep_the_contract_is_an_error() -> None:
    with pytest.raises(ValueError, match="within"):
        Reader().read(_response(False, text_output=b"\x05\x00\x00\x00ab"))
