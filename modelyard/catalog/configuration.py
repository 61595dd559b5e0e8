"""The parameters in an entry's config.pbtxt: read, and written with others in their place.

Knows Triton's message type; does not know what a parameter is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def parameters_of(text: str) -> dict[str, str]:
    """Raises ValueError when the text is no configuration."""
    return backend_and_parameters_of(text)[1]


def backend_and_parameters_of(text: str) -> tuple[str, dict[str, str]]:
    """Raises ValueError as above."""
    config = _message(text)
    return config.backend, {key: value.string_value for key, value in config.parameters.items()}


def with_parameters(text: str, changes: Mapping[str, str]) -> str:
    """The configuration with these parameters beside its own, or instead of them. Raises ValueError as above.

    Comments are lost, and so is the name, which Triton takes from the folder.
    """
    from google.protobuf import text_format

    config = _message(text)
    config.ClearField("name")
    for key, value in changes.items():
        config.parameters[key].string_value = value
    printed = text_format.MessageToString(config, as_utf8=True)
    # Triton wants max_batch_size written even when it is 0; the text printer drops it.
    return printed if config.max_batch_size else f"max_batch_size: 0\n{printed}"


def _message(text: str) -> Any:
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2  # gRPC comes with it: 0.2 s

    try:
        return text_format.Parse(text, model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise ValueError(f"not a config.pbtxt: {error}") from error
