"""Whether OpenVINO reads networks: `network_probe.py FILE...`, which prints each name before it reads that network.

Runs by its path and imports nothing of ours. A network that is not read is followed by "refused: " and why; one that
ends the process by nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module


def main(files: list[str]) -> int:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing openvino calls home otherwise
    import openvino as ov

    import_module("openvino_tokenizers")  # adds its operations to OpenVINO
    core = ov.Core()
    for file in files:
        print(file, flush=True)
        try:
            core.read_model(file)  # maps the weights and compiles nothing
        except Exception as error:
            # Of several lines the first ones are places in OpenVINO's source.
            lines = str(error).strip().splitlines()
            print(f"refused: {lines[-1] if lines else type(error).__name__}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
