"""`config.pbtxt`, printed from Triton's own message type and read back by it.

Knows Triton's configuration and the card; does not know what a backend makes of its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.card import ModelCard

# Backends that answer one request with several responses; the others answer with one.
_DECOUPLED = frozenset({"openvino_genai", "llamacpp", "vllm", "openvino_images", "diffusers"})


@dataclass(frozen=True)
class EntryConfig:
    """An entry: the backend that serves it, the card, and what else the backend is told."""

    backend: str
    card: ModelCard
    parameters: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        # The name is left out: Triton takes the folder's, so an entry may be renamed or copied.
        config = _message(
            backend=self.backend,
            model_transaction_policy={"decoupled": self.backend in _DECOUPLED},
            # One instance of the Python process on the CPU side; the backend itself picks the device by DEVICE.
            # vLLM takes the GPUs that its own arguments name.
            instance_group=[{"count": 1, "kind": "KIND_MODEL" if self.backend == "vllm" else "KIND_CPU"}],
        )
        for key, value in {**self.card.to_parameters(), **self.parameters}.items():
            config.parameters[key].string_value = value
        # Triton wants max_batch_size written even when it is 0; the text printer drops it.
        printed: str = _text_format().MessageToString(config, as_utf8=True)
        return f"max_batch_size: 0\n{printed}"

    @classmethod
    def from_text(cls, text: str) -> EntryConfig:
        """Raises ValueError when the text is not a configuration, or its card cannot be read."""
        config = read_message(text)
        parameters = {key: value.string_value for key, value in config.parameters.items()}
        card = ModelCard.from_parameters(parameters)
        own = card.to_parameters()
        return cls(config.backend, card, {key: value for key, value in parameters.items() if key not in own})


def read_message(text: str) -> Any:
    """Triton's ModelConfig. Raises ValueError when the text is none."""
    try:
        return _text_format().Parse(text, _message())
    except _text_format().ParseError as error:
        raise ValueError(f"not a config.pbtxt: {error}") from error


def _message(**fields: Any) -> Any:
    from tritonclient.grpc import model_config_pb2  # gRPC comes with it: 0.2 s

    return model_config_pb2.ModelConfig(**fields)


def _text_format() -> Any:
    from google.protobuf import text_format

    return text_format
