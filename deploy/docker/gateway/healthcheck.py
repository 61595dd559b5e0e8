"""Exit code 0 when the gateway of this container says that it is ready, 1 with its reason when not.

Run by the container engine every few seconds, so it imports nothing of ours. Knows where the gateway listens, from the
settings in the environment.
"""

import http.client
import os
import sys


def main() -> int:
    host = os.environ.get("MODELYARD_HOST", "127.0.0.1")
    port = int(os.environ.get("MODELYARD_PORT", "11434"))
    # An address that means all of them is asked on loopback.
    connection = http.client.HTTPConnection("127.0.0.1" if host in ("0.0.0.0", "::") else host, port, timeout=4)  # noqa: S104
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        said = answer.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer on port {port}: {error}")
        return 1
    finally:
        connection.close()
    print(said)
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
