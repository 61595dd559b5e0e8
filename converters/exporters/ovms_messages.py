"""The messages that a graph.pbtxt of OpenVINO Model Server is made of, as protobuf types.

Restates what our graphs use of two published definitions, names, numbers and types alike: MediaPipe's framework
(mediapipe/framework/calculator.proto, stream_handler.proto, stream_handler/sync_set_input_stream_handler.proto) and the
model server's own options (src/llm/llm_calculator.proto and its siblings, 2026.3). Knows nothing of models.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_PACKAGE = "mediapipe"
_EXTENSIONS_FROM = 20000  # MediaPipeOptions leaves the numbers from here on to others
_EXTENSIONS_TO = 2**29  # above the highest number that a field can have

_ENUMS: dict[str, dict[str, tuple[str, ...]]] = {
    "LLMCalculatorOptions": {"PipelineType": ("LM", "VLM", "LM_CB", "VLM_CB", "OMNI", "AUTO")},
    "EmbeddingsCalculatorOVOptions": {"Pooling": ("CLS", "LAST", "MEAN")},
}
# Message -> its fields, written as in a .proto file.
_MESSAGES: dict[str, tuple[str, ...]] = {
    "MediaPipeOptions": (),
    "InputStreamInfo": ("optional string tag_index = 1", "optional bool back_edge = 2"),
    "InputStreamHandlerConfig": (
        "optional string input_stream_handler = 1",
        "optional MediaPipeOptions options = 3",
    ),
    "SyncSet": ("repeated string tag_index = 1",),
    "SyncSetInputStreamHandlerOptions": ("repeated SyncSet sync_set = 1",),
    "Node": (
        "optional string name = 1",
        "optional string calculator = 2",
        "repeated string input_stream = 3",
        "repeated string output_stream = 4",
        "repeated string input_side_packet = 5",
        "repeated google.protobuf.Any node_options = 8",
        "optional InputStreamHandlerConfig input_stream_handler = 11",
        "repeated InputStreamInfo input_stream_info = 13",
    ),
    "CalculatorGraphConfig": (
        "repeated Node node = 1",
        "repeated string input_stream = 10",
        "repeated string output_stream = 15",
    ),
    "LLMCalculatorOptions": (
        "required string models_path = 1",
        "optional uint64 max_num_batched_tokens = 2",
        "optional uint64 cache_size = 3",
        "optional uint64 max_num_seqs = 4",
        "optional bool dynamic_split_fuse = 5",
        "optional string device = 6",
        "optional string plugin_config = 7",
        "optional bool enable_prefix_caching = 10",
        "optional PipelineType pipeline_type = 19",
        "optional string tool_parser = 21",
        "optional string reasoning_parser = 22",
    ),
    "EmbeddingsCalculatorOVOptions": (
        "required string models_path = 1",
        "optional bool normalize_embeddings = 2",
        "optional string target_device = 3",
        "optional string plugin_config = 4",
        "optional Pooling pooling = 5",
        "optional bool truncate = 6",
    ),
    "RerankCalculatorOVOptions": (
        "required string models_path = 1",
        "optional uint64 max_allowed_chunks = 2",
        "optional uint64 max_position_embeddings = 3",
        "optional string target_device = 4",
        "optional string plugin_config = 5",
    ),
    "ImageGenCalculatorOptions": (
        "required string models_path = 1",
        "optional string device = 2",
        "optional string plugin_config = 3",
    ),
    "S2tCalculatorOptions": (
        "required string models_path = 1",
        "optional string target_device = 2",
        "optional string plugin_config = 3",
        "optional bool enable_word_timestamps = 4",
    ),
    "T2sCalculatorOptions": (
        "required string models_path = 1",
        "optional string target_device = 2",
        "optional string plugin_config = 3",
    ),
}
_NESTED = {"SyncSet": "SyncSetInputStreamHandlerOptions", "Node": "CalculatorGraphConfig"}
SYNC_SET_OPTIONS = f"{_PACKAGE}.SyncSetInputStreamHandlerOptions.ext"
_SYNC_SET_NUMBER = 155816273


def message(kind: str, /, **fields: Any) -> Any:
    """A message of one of the types above."""
    from google.protobuf import message_factory

    descriptor = _pool().FindMessageTypeByName(f"{_PACKAGE}.{_qualified(kind)}")
    return message_factory.GetMessageClass(descriptor)(**fields)


def synchronized_on(tag_index: str) -> Any:
    """The input stream handler that lets a stream come back to its node without waiting for the others."""
    from google.protobuf import message_factory

    handler = message("InputStreamHandlerConfig", input_stream_handler="SyncSetInputStreamHandler")
    # The class of an extension must exist before the extension can be set.
    message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.SyncSetInputStreamHandlerOptions"))
    extension = _pool().FindExtensionByName(SYNC_SET_OPTIONS)
    handler.options.Extensions[extension].sync_set.add(tag_index=[tag_index])
    return handler


def packed(options: Any) -> dict[str, Any]:
    """A message as the fields of the envelope that `node_options` takes."""
    return {
        "type_url": f"type.googleapis.com/{options.DESCRIPTOR.full_name}",
        "value": options.SerializeToString(deterministic=True),
    }


def to_text(graph: Any) -> str:
    """Protobuf's text form, with what is in envelopes written out."""
    from google.protobuf import text_format

    printed: str = text_format.MessageToString(graph, descriptor_pool=_pool(), as_utf8=True)
    return printed


@cache
def _pool() -> Any:
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(
        name="modelyard/ovms_graph.proto", package=_PACKAGE, syntax="proto2", dependency=["google/protobuf/any.proto"]
    )
    made: dict[str, Any] = {}
    for name in _MESSAGES:
        if name not in _NESTED:
            made[name] = file.message_type.add(name=name)
    for name, parent in _NESTED.items():
        made[name] = made[parent].nested_type.add(name=name)
    for name, fields in _MESSAGES.items():
        for enum, values in _ENUMS.get(name, {}).items():
            listed = made[name].enum_type.add(name=enum)
            for number, value in enumerate(values):
                listed.value.add(name=value, number=number)
        for field in fields:
            _add_field(made[name], name, field)
    made["MediaPipeOptions"].extension_range.add(start=_EXTENSIONS_FROM, end=_EXTENSIONS_TO)
    made["SyncSetInputStreamHandlerOptions"].extension.add(
        name="ext",
        number=_SYNC_SET_NUMBER,
        label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.SyncSetInputStreamHandlerOptions",
        extendee=f".{_PACKAGE}.MediaPipeOptions",
    )
    pool = descriptor_pool.DescriptorPool()  # our own: another library may bring MediaPipe's whole definitions
    envelope = descriptor_pb2.FileDescriptorProto()
    any_pb2.DESCRIPTOR.CopyToProto(envelope)
    pool.Add(envelope)
    pool.Add(file)
    return pool


def _add_field(place: Any, owner: str, text: str) -> None:
    from google.protobuf import descriptor_pb2

    kinds = descriptor_pb2.FieldDescriptorProto
    label, kind, name, _, number = text.split()
    field = place.field.add(name=name, number=int(number), label=kinds.Label.Value(f"LABEL_{label.upper()}"))
    if kind in ("string", "bool", "uint64"):
        field.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    elif kind in _ENUMS.get(owner, {}):
        field.type, field.type_name = kinds.TYPE_ENUM, f".{_PACKAGE}.{owner}.{kind}"
    else:
        field.type = kinds.TYPE_MESSAGE
        field.type_name = f".{kind}" if "." in kind else f".{_PACKAGE}.{_qualified(kind)}"


def _qualified(name: str) -> str:
    return f"{_NESTED[name]}.{name}" if name in _NESTED else name
