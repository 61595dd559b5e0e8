"""graph.pbtxt for each task of OpenVINO Model Server: what `ovms --configure` writes for the same options.

Knows the server's calculators and their streams; does not know where the model comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converters.exporters.ovms_messages import message, packed, synchronized_on, to_text
from modelyard.card import (
    FEATURE_EXTRACTION,
    IMAGE_TEXT_TO_TEXT,
    SPEECH_RECOGNITION,
    TEXT_GENERATION,
    TEXT_RANKING,
    TEXT_TO_IMAGE,
    TEXT_TO_SPEECH,
)

GRAPH_FILE = "graph.pbtxt"
# A comment that the server reads: it keeps as many graphs ready as it has REST workers.
_QUEUE = "# OVMS_GRAPH_QUEUE_MAX_SIZE: AUTO"
_MODELS_PATH = "."  # beside the graph


@dataclass(frozen=True)
class GraphOptions:
    """What differs between two models of a task. `plugin_config` is OpenVINO's, `pooling` is CLS, LAST or MEAN."""

    device: str
    plugin_config: Mapping[str, Any]
    pooling: str | None = None
    normalize: bool = True


@dataclass(frozen=True)
class _Node:
    """One calculator: its streams carry whole HTTP bodies. `loopback` is a stream from the node to itself."""

    name: str
    calculator: str
    options: str
    side_packets: tuple[str, ...]
    streams: tuple[str, str] = ("HTTP_REQUEST_PAYLOAD", "HTTP_RESPONSE_PAYLOAD")
    loopback: bool = False


_TEXT = _Node(
    "LLMExecutor",
    "HttpLLMCalculator",
    "LLMCalculatorOptions",
    ("LLM_NODE_RESOURCES:llm", "LLM_NODE_EXECUTION_CONTEXTS:llm_ctx"),
    loopback=True,
)
_PLAIN_STREAMS = ("REQUEST_PAYLOAD", "RESPONSE_PAYLOAD")
_NODES = {
    TEXT_GENERATION: _TEXT,
    IMAGE_TEXT_TO_TEXT: _TEXT,
    FEATURE_EXTRACTION: _Node(
        "EmbeddingsExecutor",
        "EmbeddingsCalculatorOV",
        "EmbeddingsCalculatorOVOptions",
        ("EMBEDDINGS_NODE_RESOURCES:embeddings_servable",),
        _PLAIN_STREAMS,
    ),
    TEXT_RANKING: _Node(
        "RerankExecutor",
        "RerankCalculatorOV",
        "RerankCalculatorOVOptions",
        ("RERANK_NODE_RESOURCES:rerank_servable",),
        _PLAIN_STREAMS,
    ),
    TEXT_TO_IMAGE: _Node(
        "ImageGenExecutor", "ImageGenCalculator", "ImageGenCalculatorOptions", ("IMAGE_GEN_NODE_RESOURCES:pipes",)
    ),
    SPEECH_RECOGNITION: _Node(
        "S2tExecutor", "S2tCalculator", "S2tCalculatorOptions", ("STT_NODE_RESOURCES:s2t_servable",), loopback=True
    ),
    TEXT_TO_SPEECH: _Node("T2sExecutor", "T2sCalculator", "T2sCalculatorOptions", ("TTS_NODE_RESOURCES:t2s_servable",)),
}
GRAPH_TASKS = frozenset(_NODES)


def graph_text(task: str, options: GraphOptions, *, maker: str) -> str:
    """The whole file. `maker` is named in its first line, as the server names itself there."""
    return f"# File created with: {maker}\n{_QUEUE}\n{to_text(graph(task, options))}"


def graph(task: str, options: GraphOptions) -> Any:
    """The graph of a task, which is one of GRAPH_TASKS."""
    node = _NODES[task]
    request, response = (f"{node.streams[0]}:input", f"{node.streams[1]}:output")
    loop = ["LOOPBACK:loopback"] if node.loopback else []
    executor = message(
        "Node",
        name=node.name,
        calculator=node.calculator,
        input_stream=[*loop, request],
        output_stream=[*loop, response],
        input_side_packet=node.side_packets,
        node_options=[packed(message(node.options, **_options(task, options)))],
    )
    if node.loopback:
        executor.input_stream_info.add(tag_index="LOOPBACK:0", back_edge=True)
        executor.input_stream_handler.CopyFrom(synchronized_on("LOOPBACK:0"))
    return message("CalculatorGraphConfig", node=[executor], input_stream=[request], output_stream=[response])


def _options(task: str, options: GraphOptions) -> dict[str, Any]:
    """The figures are the defaults of the server's command line, written out as it writes them."""
    fields: dict[str, Any] = {"models_path": _MODELS_PATH}
    plugin_config = dict(options.plugin_config)
    if task in (TEXT_GENERATION, IMAGE_TEXT_TO_TEXT):
        fields |= {"device": options.device, "max_num_seqs": 256, "enable_prefix_caching": True, "cache_size": 0}
        if options.device == "NPU":
            plugin_config["DEVICE_PROPERTIES"] = {"NPU": {"NPUW_LLM_ENABLE_PREFIX_CACHING": True}}
    elif task == FEATURE_EXTRACTION:
        fields |= {"target_device": options.device, "normalize_embeddings": options.normalize, "truncate": False}
        fields |= {"pooling": options.pooling} if options.pooling is not None else {}
        plugin_config.setdefault("NUM_STREAMS", "1")
    elif task == TEXT_RANKING:
        fields |= {"target_device": options.device, "max_allowed_chunks": 10000}
        plugin_config.setdefault("NUM_STREAMS", "1")
    elif task == TEXT_TO_IMAGE:
        fields["device"] = options.device
    else:
        fields["target_device"] = options.device
    if plugin_config:
        fields["plugin_config"] = json.dumps(plugin_config, separators=(",", ":"))
    return fields
