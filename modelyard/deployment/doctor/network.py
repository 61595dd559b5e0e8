"""Whether registries and hubs can be reached from here; asked only when the user wants to know.

Knows HTTP; a host without a network is in order when images and models are here.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.deployment.doctor.findings import Finding, Mend, ok, warning

_TIMEOUT_S = 8.0
_MEND = Mend.same(
    "set HTTPS_PROXY, or HF_ENDPOINT for a mirror; without a network: modelyard bundle, docs/air-gapped.md"
)


def registry_of(prefix: str) -> str:
    """The address of a registry by an image's prefix: the first part, when it can be a host's name."""
    first, slash, _ = prefix.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return f"https://{first if is_host else 'registry-1.docker.io'}/v2/"


def check_network(prefix: str, hub: str) -> Iterator[Finding]:
    yield _reach("registry", registry_of(prefix))
    yield _reach("hub", hub)


def _reach(name: str, url: str) -> Finding:
    """Any answer will do: a registry says 401 to those it does not know."""
    import httpx

    try:
        status = httpx.get(url, timeout=_TIMEOUT_S).status_code
    except httpx.HTTPError as error:
        return warning(name, f"{url} cannot be reached: {error or type(error).__name__}", _MEND)
    return ok(name, f"{url} answers ({status})")
