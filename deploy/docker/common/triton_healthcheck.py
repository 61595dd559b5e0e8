"""Exit code 0 when the Triton of this container says that it is ready, 1 with the reason when not.

Run by the container engine every few seconds, so it imports nothing of ours. Where Triton listens is read from the
command line that it was started with, which may name other ports than the usual ones.
"""

import http.client
import sys
from pathlib import Path

_HTTP_PORT = "8000"


def main() -> int:
    arguments = tritonserver_arguments(Path("/proc"))
    if arguments is None:
        print("tritonserver does not run")
        return 1
    host = arguments.get("--http-address", "0.0.0.0")  # noqa: S104
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    port = int(arguments.get("--http-port", _HTTP_PORT))
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", "/v2/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer on port {port}: {error}")
        return 1
    finally:
        connection.close()
    print(f"/v2/health/ready answers {status}")
    return 0 if status == http.client.OK else 1


def tritonserver_arguments(processes: Path) -> "dict[str, str] | None":
    """The --name=value arguments of the tritonserver below `processes`, the last of a name; None when none runs."""
    for file in sorted(processes.glob("[0-9]*/cmdline")):
        try:
            program, *words = file.read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
        except OSError:
            continue  # it ended in between, or is not for us to see
        if Path(program).name == "tritonserver":
            return {name: value for name, _, value in (word.partition("=") for word in words)}
    return None


if __name__ == "__main__":
    sys.exit(main())
