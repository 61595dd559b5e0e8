"""The command line of tritonserver, embedded or on its own.

Knows Triton's flags and why each is set; starts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.engine.ports import LOOPBACK


@dataclass(frozen=True)
class Ports:
    """Where Triton listens."""

    grpc: int
    http: int
    metrics: int


def tritonserver_arguments(
    *,
    repository: Path,
    backend_directory: Path,
    ports: Ports,
    shm_prefix: str,
    exit_timeout_s: int,
    address: str = LOOPBACK,
    extra: Sequence[str] = (),
) -> list[str]:
    """The arguments after the program's name; `extra` comes last and wins. Triton asks no caller for a key."""
    return [
        f"--model-repository={repository.absolute()}",
        f"--backend-directory={backend_directory}",
        # The gateway decides what is loaded; Triton itself loads nothing.
        "--model-control-mode=explicit",
        "--strict-readiness=false",
        *(f"--{face}-address={address}" for face in ("grpc", "http", "metrics")),
        f"--grpc-port={ports.grpc}",
        f"--http-port={ports.http}",
        f"--metrics-port={ports.metrics}",
        # By default Triton hangs up on a client that pings more often than every five minutes.
        "--grpc-keepalive-permit-without-calls=1",
        "--grpc-http2-min-recv-ping-interval-without-data=5000",
        "--grpc-http2-max-pings-without-data=0",
        f"--exit-timeout-secs={exit_timeout_s}",
        # A language model's tensors are short texts. The region grows by itself for a long prompt.
        "--backend-config=python,shm-default-byte-size=1048576",
        "--backend-config=python,shm-growth-byte-size=1048576",
        # A name of our own, so that what a killed Triton left in /dev/shm can be told from other people's.
        f"--backend-config=python,shm-region-prefix-name={shm_prefix}",
        # How long a Python interpreter may take to start; 30 s are short on a machine that swaps.
        "--backend-config=python,stub-timeout-seconds=120",
        *extra,
    ]
