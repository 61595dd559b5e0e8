"""Parses a graph.pbtxt by the published definitions, restated in ovms_protos/ and compiled by protoc.

Independent of converters.exporters.ovms_messages, which writes the graphs. A field that is not defined is an error.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, text_format

FOLDER = Path(__file__).parent / "ovms_protos"
_FILES = ("calculator.proto", "ovms.proto")


@cache
def pool() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        # In a process of its own: its compiler, loaded into this one, makes SentencePiece's trainer abort later.
        compiler = [sys.executable, "-m", "grpc_tools.protoc"]
        options = [f"-I{FOLDER}", "--include_imports", f"--descriptor_set_out={out}"]
        subprocess.run([*compiler, *options, *_FILES], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    made = descriptor_pool.DescriptorPool()
    for file in files.file:
        made.Add(file)
    for name in ("CalculatorGraphConfig", "SyncSetInputStreamHandlerOptions"):
        message_factory.GetMessageClass(made.FindMessageTypeByName(f"mediapipe.{name}"))
    return made


def parse_graph(text: str) -> Any:
    """The graph, with what is in its nodes' envelopes checked for required fields. Raises text_format.ParseError."""
    graph = message_factory.GetMessageClass(pool().FindMessageTypeByName("mediapipe.CalculatorGraphConfig"))()
    text_format.Parse(text, graph, descriptor_pool=pool())
    return graph


def node_options(graph: Any) -> Any:
    """The options of the graph's only node, as a message of their own type."""
    (node,) = graph.node
    (envelope,) = node.node_options
    name = envelope.type_url.removeprefix("type.googleapis.com/")
    options = message_factory.GetMessageClass(pool().FindMessageTypeByName(name))()
    options.ParseFromString(envelope.value)
    if not options.IsInitialized():
        raise AssertionError(f"{name} lacks {options.FindInitializationErrors()}")
    return options


def without_options(graph: Any) -> Any:
    """The rest of the graph: two graphs may write the fields of their options in another order."""
    bare = type(graph)()
    bare.CopyFrom(graph)
    for node in bare.node:
        for envelope in node.node_options:
            envelope.value = any_pb2.Any().value
    return bare
