"""An encoder's entry in operation: its configuration, loads that cannot be, an unload in the middle of work."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from backends.common.encoders.settings import EncoderSettings, read_settings
from backends.common.settings import BadSetting, Parameters
from modelyard.engine.log_lines import LogLine
from tests.backends.encoders.conftest import Encoders
from tests.backends.encoders.texts import TEXTS
from tests.converters.checkpoints import edit_json
from tests.converters.encoder_checkpoints import write_encoder


@pytest.mark.asyncio(loop_scope="session")
async def test_the_backend_adds_the_tensors_itself(encoders: Encoders, minilm_fp16: str) -> None:
    config = await encoders.client.config(minilm_fp16)
    assert [(each.name, list(each.dims), each.optional) for each in config.input] == [
        ("text_input", [-1], True),
        ("input_ids", [-1, -1], True),
        ("dimensions", [1], True),
        ("input_type", [1], True),
        ("truncate", [1], True),
        ("operation", [1], True),
        ("token_ids", [-1], True),
        ("add_special_tokens", [1], True),
    ]
    assert [(each.name, list(each.dims)) for each in config.output] == [
        ("embedding", [-1, -1]),
        ("num_input_tokens", [-1]),
        ("text_output", [-1]),
        ("token_ids", [-1]),
    ]
    assert config.max_batch_size == 0
    assert not config.model_transaction_policy.decoupled


def replaced(name: str, text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "encoder.json").unlink(), "encoder.json cannot be read"),
        (replaced("encoder.json", "{"), "encoder.json is not JSON"),
        (lambda folder: edit_json(folder / "encoder.json", max_tokens=0), "max_tokens must be a whole number"),
        (lambda folder: edit_json(folder / "encoder.json", pooling=["vote"]), "the pooling 'vote' is not known"),
        (lambda folder: edit_json(folder / "encoder.json", colour="red"), "unexpected keyword argument 'colour'"),
        (lambda folder: edit_json(folder / "encoder.json", task="text-ranking"), "describes a model for text-ranking"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (replaced("tokenizer.json", "{}"), "tokenizer.json cannot be read"),
        (lambda folder: (folder / "openvino_model.xml").unlink(), "openvino_model.xml is missing"),
        (replaced("openvino_model.xml", "<net>"), "OpenVINO cannot load"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_damaged_entry_says_what_is_wrong_when_it_is_loaded(
    encoders: Encoders, minilm_fp16: str, request: pytest.FixtureRequest, damage: Callable[[Path], Any], words: str
) -> None:
    name = f"damaged-{abs(hash(request.node.name))}"
    folder = encoders.repository / name
    shutil.copytree(encoders.repository / minilm_fp16, folder)
    damage(folder / "1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await encoders.client.load(name)
    assert words in (caught.value.details() or "")
    shutil.rmtree(folder)


@pytest.mark.asyncio(loop_scope="session")
async def test_labels_that_do_not_fit_the_network_are_refused_when_it_is_loaded(
    encoders: Encoders, tmp_path: Path
) -> None:
    name = await encoders.serve("labels", write_encoder(tmp_path / "c", "bert", labels=2), precision="fp16")
    edit_json(encoders.repository / name / "1/encoder.json", labels=["only one"])
    await encoders.client.unload(name)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await encoders.client.load(name)
    assert "2 numbers for a text, encoder.json has 1 labels" in (caught.value.details() or "")


@pytest.mark.asyncio(loop_scope="session")
async def test_an_unload_in_the_middle_answers_everybody_and_a_load_serves_again(
    encoders: Encoders, minilm_fp16: str
) -> None:
    async def ask(count: int) -> str:
        try:
            answer = await encoders.client.ask(minilm_fp16, text_input=[TEXTS[-1]] * count)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return f"{len(answer['embedding'])} vectors"

    requests = [asyncio.create_task(ask(count)) for count in (30, 20, 1, 1, 1)]
    await asyncio.sleep(0.2)
    await encoders.client.unload(minilm_fp16)
    ends = await asyncio.gather(*requests)
    assert set(ends) <= {"30 vectors", "20 vectors", "1 vectors", "UNAVAILABLE"}, ends
    await encoders.client.load(minilm_fp16)
    assert await ask(2) == "2 vectors"


@pytest.mark.asyncio(loop_scope="session")
async def test_the_log_has_no_error_of_ours(encoders: Encoders, minilm_fp16: str, encoder_log: list[LogLine]) -> None:
    await encoders.client.ask(minilm_fp16, text_input=["a last one"])
    ours = ("could not be computed", "could not be taken on", "Traceback")
    assert not [line.text for line in encoder_log if any(words in line.text for words in ours)]


def test_settings_have_defaults_and_an_npu_has_one_shape() -> None:
    assert read_settings(Parameters({})) == EncoderSettings(properties={"PERFORMANCE_HINT": "LATENCY"})
    given = {
        "DEVICE": "npu",
        "MAX_BATCH_TOKENS": "100",
        "MAX_TEXTS": "5",
        "MAX_QUEUE_TEXTS": "6",
        "TRUNCATE": "no",
        "INFERENCE_PRECISION_HINT": "F32",
        "INFERENCE_NUM_THREADS": "2",
        "PLUGIN_CONFIG": json.dumps({"PERFORMANCE_HINT": "THROUGHPUT"}),
    }
    assert read_settings(Parameters(given)) == EncoderSettings(
        device="NPU",
        max_batch_tokens=100,
        max_texts=5,
        max_queue_texts=6,
        truncate=False,
        static_shapes=True,
        properties={
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": 2,
        },
    )


@pytest.mark.parametrize(
    "name", ["MAX_BATCH_TOKENS", "MAX_TEXTS", "TRUNCATE", "INFERENCE_PRECISION_HINT", "PLUGIN_CONFIG"]
)
def test_a_wrong_parameter_is_named(name: str) -> None:
    with pytest.raises(BadSetting, match=f"the parameter {name} of config.pbtxt is 'soon'"):
        read_settings(Parameters({name: "soon"}))
