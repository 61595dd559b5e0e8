"""All configuration, typed and documented in place, read once and handed down.

Sources, strongest first: the command line, MODELYARD_* in the environment, `.env`, `modelyard.toml`, the defaults
here. Reads no file and no environment until `Settings()` is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from modelyard.durations import seconds

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
    socket: str | None = Field(
        None,
        description="Unix socket that the gateway listens on too, for its own user only and without a key; "
        "`modelyard/gateway.sock` in the user's runtime directory when unset, none when empty.",
    )
    url: str | None = Field(
        None,
        description="Gateway that `modelyard run` and the like ask, as http://host:11434 or unix:///path/to.sock; the "
        "one on this machine when unset, which is started when none runs.",
    )
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
    max_audio_seconds: float = Field(
        1800.0, gt=0, description="Longest sound that is transcribed, in seconds; a model may take less."
    )
    kept_files_bytes: int = Field(
        256 * 2**20, ge=0, description="Memory for pictures that are answered as addresses, for an hour, in bytes."
    )
    stored_responses: int = Field(
        1000,
        ge=0,
        description="Responses of /v1/responses kept at once, to go on from; the least recently used is forgotten. "
        "0 keeps none.",
    )
    stored_responses_bytes: int = Field(256 * 2**20, ge=0, description="Memory for these responses, in bytes.")
    websocket_sessions: int = Field(
        1000, ge=1, description="WebSocket sessions at once, those that wait a minute to be resumed included."
    )
    request_timeout_s: float = Field(600.0, gt=0, description="Longest time one answer may take, in seconds.")
    drain_timeout_s: float = Field(
        30.0, ge=0, description="On a stop, how long answers in progress may go on, in seconds."
    )
    drain_delay_s: float = Field(
        0.0,
        ge=0,
        description="On a stop, how long /health/ready says no before new requests are refused, in seconds: longer "
        "than a balancer takes to notice.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line that is logged."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or for machines.")

    # Pictures in messages
    max_image_bytes: int = Field(20 * 2**20, ge=1024, description="Largest picture in a message, in bytes of its file.")
    allow_remote_images: bool = Field(
        False, description="Whether pictures are fetched from http and https addresses; data URLs are always read."
    )
    remote_image_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="The only hosts that pictures are fetched from, separated by commas, private ones too; "
        "every public host when unset.",
    )
    remote_image_timeout_s: float = Field(10.0, gt=0, description="Longest time to fetch one picture, in seconds.")

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
        default_factory=list,
        description="Models to load at the start and to keep, separated by commas; the last used one when unset.",
    )
    triton_urls: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Running Tritons to use instead of the embedded one, as grpc://host:8001,grpc://other:8001; "
        "dns://name:8001 are all addresses of a name and file:///path has one a line, both looked up again and again.",
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
    load_queue_limit: int = Field(
        256,
        ge=1,
        description="Requests that may wait for one model to load; one more is answered 503 with Retry-After.",
    )
    keep_alive: Annotated[float, BeforeValidator(seconds)] = Field(
        300.0,
        description="How long an idle model stays in memory: seconds, or 5m, 1h30m, 0 for not at all, -1 for ever. A "
        "model's KEEP_ALIVE and a request's keep_alive go before it.",
    )
    pinned_models: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="Models that stay once they are loaded, separated by commas; those named at the start do too.",
    )
    max_loaded_models: int = Field(
        0, ge=0, description="Models that the gateway keeps in memory at once; 0 is as many as fit."
    )
    memory_for_models: int = Field(
        0, ge=0, description="Bytes that all models of the embedded Triton may take; 0 is what the host has free."
    )
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
    allow_pull: bool = Field(
        True,
        description="Whether callers may fetch, copy, make and remove models over HTTP. Without an API key only this "
        "machine can call.",
    )
    pull_limit: int = Field(
        1, ge=1, le=64, description="Fetches and conversions at once that were asked for over HTTP; others wait."
    )
    auto_download: bool = Field(
        False, description="Whether `modelyard serve` fetches and converts a hub id that it is to serve and has not."
    )

    # Deployment in containers (`modelyard up`)
    deploy_home: Path | None = Field(
        None,
        description="Folder of a deployment: its key, models and state; `modelyard/deploy` among the user's data when "
        "unset.",
    )
    deploy_files: Path | None = Field(
        None, description="Folder with the compose files; `deploy` beside the package when unset, as in a checkout."
    )
    project: str = Field(
        "modelyard", pattern="^[a-z0-9][a-z0-9_-]*$", description="Name of the compose project of a deployment."
    )
    image_prefix: str = Field(
        "modelyard", description="What the names of images begin with: `modelyard`, or registry.example/team."
    )
    version: str | None = Field(None, description="Tag of the images; this command's own version when unset.")

    # The Python environments
    engine_python: Path = Field(
        Path(".envs/engine/bin/python"), description="Interpreter with Triton and OpenVINO GenAI."
    )
    convert_python: Path = Field(
        Path(".envs/convert/bin/python"), description="Interpreter with PyTorch and optimum-intel."
    )

    @field_validator("triton_urls", "hub_endpoints", "models", "pinned_models", "remote_image_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("triton_urls")
    @classmethod
    def _grpc_only(cls, urls: list[str]) -> list[str]:
        for url in urls:
            scheme, _, rest = url.rpartition("://")
            if scheme == "file" and rest.startswith("/"):
                continue
            if scheme not in ("", "grpc", "grpcs", "dns") or ":" not in rest:
                raise ValueError(
                    f"'{url}' is not a Triton gRPC address; write it as grpc://host:8001, dns://name:8001, "
                    "or file:///path of a file with such addresses"
                )
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
