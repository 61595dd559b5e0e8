"""What to try on a deployment that answers. The key is never shown, only where it lies.

Knows sentences; does not know how a deployment came about.
"""

from __future__ import annotations

from pathlib import Path


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
