"""The base images that our Dockerfiles name, made on this machine when no registry can give them.

Knows how to ask a registry, debootstrap and `docker import`; does not know our own images. A base made here also has
the machine's certificate authorities and pip settings in it, so that the Dockerfiles build unchanged behind a proxy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

DEBIAN = "debian:bookworm-slim"
PYTHON = "python:3.11-slim-bookworm"

_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_APT = Path("/etc/apt")
_DEBIAN_MIRROR = "http://deb.debian.org/debian"

# What the official slim image is without, too.
_LEFT_OUT = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    *(f"usr/share/{name}" for name in ("doc", "info", "locale", "man")),
)

# What the official image has and debootstrap's minbase lacks. `python` and `pip` are in /usr/local/bin there too, and
# its Python is a shared library, which Triton's Python backend needs.
_PYTHON_DOCKERFILE = f"""\
FROM {DEBIAN}
COPY certificates/ /usr/local/share/ca-certificates/
COPY wheels/ /wheels/
COPY pip.conf /etc/pip.conf
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends \\
      ca-certificates libpython3.11 netbase python3.11 python3.11-venv python3-pip tzdata \\
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \\
 && update-ca-certificates \\
 && for name in python python3 python3.11; do ln -s /usr/bin/python3.11 "/usr/local/bin/$name"; done \\
 && ln -s /usr/bin/pip3 /usr/local/bin/pip
ENV LANG=C.UTF-8
CMD ["python3"]
"""


class NoBaseImage(Exception):
    """One sentence: which base image could not be had, and why."""


def provide(environment: Mapping[str, str], before_making: Callable[[], None] = lambda: None) -> None:
    """See to it that the engine of `environment` (DOCKER_HOST) has both base images.

    `before_making` is called once no registry has given one. Raises NoBaseImage.
    """
    for tag, make in ((DEBIAN, _make_debian), (PYTHON, _make_python)):
        if _docker(environment, "image", "inspect", tag).returncode == 0:
            continue
        if _pull(environment, tag):
            continue
        print(f"no registry gives {tag}, making it here", flush=True)
        before_making()
        with tempfile.TemporaryDirectory(prefix="modelyard-base-") as folder:
            make(environment, Path(folder))


def _pull(environment: Mapping[str, str], tag: str) -> bool:
    try:
        # The first answer of a registry that is reachable takes a second; the layers of these two take less than a
        # minute on a slow line.
        return _docker(environment, "pull", "--quiet", tag, timeout_s=90).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _make_debian(environment: Mapping[str, str], work: Path) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise NoBaseImage(f"{DEBIAN} cannot be pulled, and making it needs root and debootstrap")
    root = work / "root"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(root), apt_mirror()],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise NoBaseImage(f"debootstrap failed: {_last_line(made.stdout + made.stderr)}")
    for leftover in _LEFT_OUT:
        shutil.rmtree(root / leftover, ignore_errors=True)
    for folder in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        imported = subprocess.run(
            ["docker", "import", "--change", 'CMD ["bash"]', "-", DEBIAN],
            stdin=tar.stdout,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    if imported.returncode != 0:
        raise NoBaseImage(f"docker import of {DEBIAN} failed: {_last_line(imported.stderr)}")


def _make_python(environment: Mapping[str, str], work: Path) -> None:
    certificates, wheels = work / "certificates", work / "wheels"
    certificates.mkdir()
    wheels.mkdir()
    for certificate in sorted(_CERTIFICATES.glob("*.crt")):
        shutil.copy2(certificate, certificates)
    settings = _pip_settings()
    for folder in map(Path, settings.pop("find-links", "").split()):
        for wheel in sorted(folder.glob("*.whl")) if folder.is_dir() else ():
            shutil.copy2(wheel, wheels)
    if list(wheels.iterdir()):
        settings["find-links"] = "/wheels"
    (work / "pip.conf").write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    (work / "Dockerfile").write_text(_PYTHON_DOCKERFILE)
    built = _docker(environment, "build", "--tag", PYTHON, str(work), timeout_s=600)
    if built.returncode != 0:
        raise NoBaseImage(f"building {PYTHON} failed: {_last_line(built.stdout + built.stderr)}")


def _pip_settings() -> dict[str, str]:
    """pip's settings of this machine, without what names a folder that a container does not have."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later ones win, as in pip
        for line in listed.splitlines():
            parsed = re.fullmatch(rf"{re.escape(section)}\.([a-z-]+)='(.*)'", line)
            if parsed:
                found[parsed[1]] = parsed[2]
    kept = {
        name: found[name] for name in ("index-url", "find-links", "trusted-host", "default-timeout") if name in found
    }
    extra = [url for url in found.get("extra-index-url", "").split() if not url.startswith("file:")]
    if extra:
        kept["extra-index-url"] = " ".join(extra)
    if "default-timeout" in kept:
        kept["timeout"] = kept.pop("default-timeout")
    # The bundle of the image itself, into which update-ca-certificates has put this machine's own authorities.
    return {**kept, "cert": "/etc/ssl/certs/ca-certificates.crt"}


def apt_mirror() -> str:
    """The Debian mirror that this machine's apt uses."""
    sources = [_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*"))]
    for source in filter(Path.is_file, sources):
        for line in source.read_text(errors="replace").splitlines():
            found = re.match(r"(?:URIs:|deb(?:\s+\[[^]]*])?)\s+(https?://\S+/debian)/?(?:\s|$)", line.strip())
            if found:
                return found[1]
    return _DEBIAN_MIRROR


def _docker(
    environment: Mapping[str, str], *arguments: str, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
