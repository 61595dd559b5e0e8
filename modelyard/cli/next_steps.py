"""What to try on a deployment that answers. The key is never shown, only where it lies.

Knows sentences; does not know how a deployment came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

# What `--with` adds and a browser shows: the name in the variables of compose, the port, what there is to know.
_PAGES = {
    "webui": (("WEBUI", 3001, "Open WebUI; its first visitor makes the administrator's account"),),
    "monitoring": (
        ("GRAFANA", 3000, "Grafana, for admin with the password in {secrets}/grafana_password"),
        ("PROMETHEUS", 9090, "Prometheus"),
    ),
}


def pages(extras: Iterable[str], variables: Mapping[str, str], secrets: Path) -> list[str]:
    """Lines for a terminal: where a browser finds what was added. None when nothing was."""
    found = []
    for extra in extras:
        for name, port, what in _PAGES[extra]:
            host = variables.get(f"MODELYARD_{name}_BIND", "127.0.0.1")
            port_given = variables.get(f"MODELYARD_{name}_PORT", port)
            found.append(f"  http://{host}:{port_given}  {what.format(secrets=secrets)}")
    return ["in a browser:", *found] if found else []


def next_steps(url: str, key_file: Path, model: str | None) -> list[str]:
    """Lines for a terminal. None of the commands has the key among its arguments, where other users could see it."""
    name = model or "MODEL"
    return [
        f"the key is in {key_file}",
        "",
        "with curl:",
        f"""  printf 'header = "Authorization: Bearer %s"' "$(cat {key_file})" | \\""",
        f"    curl --config - {url}/v1/chat/completions -H 'Content-Type: application/json' \\",
        f"""    -d '{{"model": "{name}", "messages": [{{"role": "user", "content": "What is Modelyard?"}}]}}'""",
        "with the OpenAI client:",
        f'  OpenAI(base_url="{url}/v1", api_key=open("{key_file}").read().strip())',
        "with the Ollama client:",
        f'  Client("{url}", headers={{"Authorization": "Bearer " + open("{key_file}").read().strip()}})',
        "on this command line:",
        f"  MODELYARD_URL={url} MODELYARD_API_KEY_FILE={key_file} modelyard run {name}",
        "modelyard logs shows what the containers say, modelyard down stops them",
    ]
