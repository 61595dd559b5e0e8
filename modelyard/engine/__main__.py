"""`python -m modelyard.engine`: one Triton with our backends in the foreground, for gateways on other hosts.

What containers and systemd units start: this process becomes tritonserver, so that signals, output and exit code are
Triton's own. Runs on the engine environment alone, without the gateway's packages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from modelyard.engine import runtime_folder, shared_memory
from modelyard.engine.command_line import Ports, tritonserver_arguments
from modelyard.engine.distribution import find_distribution, without_settings
from modelyard.engine.ports import LOOPBACK
from modelyard.errors import HostProblem, ModelyardError

# Triton's own default ports.
_HTTP, _GRPC, _METRICS = 8000, 8001, 8002
_FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Become tritonserver; returns an exit code only when that cannot be."""
    parser = _parser()
    given, extra = parser.parse_known_args(argv)
    unknown = [word for word in extra if not word.startswith("--") or "=" not in word]
    if unknown:
        parser.error(f"what goes to tritonserver is written as --name=value, this is not: {' '.join(unknown)}")
    try:
        program, arguments, environment = command(given, extra)
        os.execve(program, [str(program), *arguments], environment)  # noqa: S606 - there is no shell, and none is meant
    except ModelyardError as error:
        print(f"error: {error.message}" + (f"\n{error.hint}" if error.hint else ""), file=sys.stderr)
    except OSError as error:
        print(f"error: Triton cannot be started: {error}", file=sys.stderr)
    return _FAILED


def command(given: argparse.Namespace, extra: Sequence[str]) -> tuple[Path, list[str], dict[str, str]]:
    """The program, its arguments and its environment. Makes the backend folder, and clears what a killed one left.

    Raises HostProblem, EnvironmentMissing and LibraryMissing.
    """
    if not given.repository.is_dir():
        raise HostProblem(
            f"there is no folder {given.repository} to serve models from",
            hint="mount the model repository there, or name it with --repository",
        )
    shared_memory.require_room()
    shared_memory.remove_orphans()
    runtime_folder.remove_orphans()
    # The id stays the same when this process becomes tritonserver, so what is left of a killed one is known by it.
    prefix = shared_memory.region_prefix(os.getpid(), 0)
    shared_memory.remove_regions(prefix)
    if given.server is not None:
        program, backends, environment = given.server, given.backends, without_settings(os.environ)
    else:
        distribution = find_distribution(Path(sys.executable))
        program = distribution.server
        backends = distribution.lay_out(runtime_folder.make_runtime_folder())
        environment = distribution.environment(os.environ)
    arguments = tritonserver_arguments(
        repository=given.repository,
        backend_directory=backends,
        ports=Ports(grpc=given.grpc_port, http=given.http_port, metrics=given.metrics_port),
        shm_prefix=prefix,
        exit_timeout_s=given.exit_timeout,
        address=given.address,
        extra=extra,
    )
    return program, arguments, environment


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modelyard.engine",
        description="Start Triton with Modelyard's backends in the foreground. No model is loaded: gateways load them.",
        epilog="Arguments of the form --name=value that are not listed go to tritonserver as they are.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--repository", type=Path, default=Path("model_repository"), help="folder of models (default: %(default)s)"
    )
    parser.add_argument(
        "--address", default=LOOPBACK, help="address to listen on; Triton asks for no key (default: %(default)s)"
    )
    parser.add_argument("--grpc-port", type=int, default=_GRPC, help="default: %(default)s")
    parser.add_argument("--http-port", type=int, default=_HTTP, help="default: %(default)s")
    parser.add_argument("--metrics-port", type=int, default=_METRICS, help="default: %(default)s")
    parser.add_argument(
        "--exit-timeout", type=int, default=120, help="seconds that answers may go on after SIGTERM (default: 120)"
    )
    parser.add_argument(
        "--server", type=Path, help="another tritonserver than the engine environment's, as NVIDIA's image has it"
    )
    parser.add_argument(
        "--backends", type=Path, default=Path("/opt/tritonserver/backends"), help="that one's backends, ours among them"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
