"""All configuration, typed and documented in place, read once and handed down.

Sources, strongest first: the command line, MODELYARD_* in the environment, `.env`, `modelyard.toml`, the defaults
here. Reads no file and no environment until `Settings()` is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Every setting. A test builds `Settings(queue_limit=2)` and needs no environment."""

    model_config = SettingsConfigDict(
        env_prefix="MODELYARD_",
        env_file=".env",
        toml_file="modelyard.toml",
        extra="ignore",
        validate_default=True,
    )

    # The gateway
    host: str = Field(
        "127.0.0.1", description="Address that the gateway listens on. Anything but loopback needs an API key."
    )
    port: int = Field(11434, ge=0, le=65535, description="Port of the gateway; Ollama's, so that its clients find it.")
    api_key: SecretStr | None = Field(None, description="Bearer key that every caller must send, when set.")
    api_key_file: Path | None = Field(
        None, description="File that holds the bearer key, as secrets are mounted in containers."
    )
    queue_limit: int = Field(
        512, ge=1, description="Requests in progress at once; one more is answered 503 with Retry-After."
    )
    max_body_bytes: int = Field(
        64 * 2**20, ge=1024, description="Largest request body in bytes; Triton's own limit for HTTP is the same."
    )
    request_timeout_s: float = Field(600.0, gt=0, description="Longest time one answer may take, in seconds.")
    drain_timeout_s: float = Field(
        30.0, ge=0, description="On a stop, how long answers in progress may go on, in seconds."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line that is logged."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or for machines.")

    # Conversations of /chat
    default_model: str | None = Field(
        None, description="Model of a /chat request that names none; the first one served when unset."
    )
    chat_system: str | None = Field(None, description="System message that every /chat conversation begins with.")
    chat_turns: int = Field(16, ge=0, description="Turns (a question and its answer) that /chat remembers for a user.")
    chat_users: int = Field(
        10_000, ge=1, description="Conversations kept at once; the least recently used is forgotten."
    )

    # The engine
    model_repository: Path = Field(
        Path("model_repository"), description="Folder that Triton serves: one folder per model."
    )
    models: Annotated[list[str], NoDecode] = Field(
        default_factory=list, description="Models to load at the start, separated by commas; every one when unset."
    )
    triton_urls: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Running Tritons to use instead of the embedded one, as grpc://host:8001,grpc://other:8001.",
    )
    triton_grpc_port: int = Field(
        0, ge=0, le=65535, description="gRPC port of the embedded Triton on loopback; 0 takes a free one."
    )
    triton_http_port: int = Field(
        0, ge=0, le=65535, description="HTTP port of the embedded Triton on loopback; 0 takes a free one."
    )
    triton_metrics_port: int = Field(
        0, ge=0, le=65535, description="Metrics port of the embedded Triton on loopback; 0 takes a free one."
    )
    triton_log_file: Path | None = Field(
        None, description="File for Triton's own log; its warnings go to the gateway's log when unset."
    )
    load_timeout_s: float = Field(600.0, gt=0, description="Longest time a model may take to load, in seconds.")
    restart_backoff_max_s: float = Field(
        30.0, gt=0, description="Longest pause between restarts of a Triton that keeps dying, in seconds."
    )

    # The hub
    cache_dir: Path | None = Field(
        None, description="Folder for what is downloaded; huggingface_hub's own cache when unset."
    )
    hub_endpoints: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Hubs to ask, in order, separated by commas; HF_ENDPOINT, or huggingface_hub's own when unset.",
    )
    offline: bool = Field(False, description="Never ask a hub; only what is downloaded already is used.")
    auto_download: bool = Field(
        False, description="Whether `modelyard serve` fetches and converts a hub id that it is to serve and has not."
    )

    # The Python environments
    engine_python: Path = Field(
        Path(".envs/engine/bin/python"), description="Interpreter with Triton and OpenVINO GenAI."
    )
    convert_python: Path = Field(
        Path(".envs/convert/bin/python"), description="Interpreter with PyTorch and optimum-intel."
    )

    @field_validator("triton_urls", "hub_endpoints", "models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("triton_urls")
    @classmethod
    def _grpc_only(cls, urls: list[str]) -> list[str]:
        for url in urls:
            scheme, _, rest = url.rpartition("://")
            if scheme not in ("", "grpc", "grpcs") or ":" not in rest:
                raise ValueError(f"'{url}' is not a Triton gRPC address; write it as grpc://host:8001")
        return urls

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)

    def bearer_key(self) -> str | None:
        """The key callers must send, from the setting or its file; None when none is asked for.

        Raises OSError when the file cannot be read.
        """
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return self.api_key_file.read_text().strip() if self.api_key_file is not None else None
