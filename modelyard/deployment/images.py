"""The container images of Modelyard: what there is, and the command that builds one.

Knows the Dockerfiles of deploy/docker/ and their arguments; does not know an engine and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelyard import __version__

DEFAULT_PREFIX = "modelyard"
# Where each image keeps its CycloneDX bill of materials; a label of the image says the same.
SBOM = "/usr/share/modelyard/sbom.cdx.json"
USER = "10001:10001"
# On images of Triton for Intel's devices: the addresses of the packages that Debian has not, as DRIVER_URLS gave them.
DRIVERS_LABEL = "io.modelyard.drivers"

# What a user behind a proxy or with mirrors has set. By its name only, so that no password of a mirror's address is in
# the list of processes: the `docker` program takes the values from its own environment.
_BUILD_ARGUMENTS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("APT_MIRROR", "APT_SECURITY_MIRROR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"),
    *("PYTHON_IMAGE", "DEBIAN_IMAGE", "TRITON_IMAGE", "TORCH", "TORCH_INDEX_URL", "DRIVER_URLS", "OFFLINE"),
)


@dataclass(frozen=True)
class Image:
    """`name` is what follows the prefix, `suffix` what follows the version in the tag."""

    name: str
    purpose: str
    suffix: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def dockerfile(self) -> Path:
        """Below the root of the sources, which is the build's context too."""
        return Path("deploy/docker") / self.name / "Dockerfile"

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return f"{self.name}{self.suffix}"

    def tag(self, version: str = __version__, prefix: str = DEFAULT_PREFIX) -> str:
        return f"{prefix}/{self.name}:{version}{self.suffix}"


_ALL = (
    Image("gateway", "the protocols in front of Triton, and the command line"),
    Image("converter", "checkpoints into entries of a model repository"),
    Image("triton-openvino", "Triton on CPUs, with OpenVINO and llama.cpp"),
    Image("triton-openvino", "the same with the user space of Intel GPUs and NPUs", "-intel", {"VARIANT": "intel"}),
    Image("triton-cuda", "NVIDIA's Triton with vLLM and Diffusers"),
    Image("balancer", "HAProxy in front of several gateways"),
)

# By `key`: gateway, converter, triton-openvino, triton-openvino-intel, triton-cuda, balancer.
IMAGES: Mapping[str, Image] = {image.key: image for image in _ALL}


def build_command(
    image: Image,
    version: str = __version__,
    *,
    prefix: str = DEFAULT_PREFIX,
    revision: str = "",
    source: str = "",
    arguments: Mapping[str, str] | None = None,
    docker: Sequence[str] = ("docker",),
) -> list[str]:
    """The command that builds it, to be run in the root of the sources.

    `revision` and `source` go into the labels: the commit and where its repository is. `arguments` are the build
    arguments of deploy/docker/README.md, such as PIP_INDEX_URL.
    """
    given = {"VERSION": version, **image.arguments, **(arguments or {})}
    given |= {name: value for name, value in (("REVISION", revision), ("SOURCE", source)) if value}
    words = [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]
    return [*docker, "build", "--file", str(image.dockerfile), "--tag", image.tag(version, prefix), *words, "."]


def passing_on(command: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """The command that builds, with the arguments that this environment has."""
    *words, context = command
    passed = [word for name in _BUILD_ARGUMENTS if given.get(name) for word in ("--build-arg", name)]
    return [*words, *passed, context]


def labels(image: Image, version: str = __version__, *, revision: str = "", source: str = "") -> dict[str, str]:
    """The labels that a built image has at least."""
    return {
        "org.opencontainers.image.title": f"modelyard/{image.name}",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.source": source,
        "io.modelyard.sbom": SBOM,
    }


def main(keys: Sequence[str]) -> int:
    """Build those that are named, or all that need no vendor's base, with the arguments that the shell has.

    deploy/docker/README.md describes them.
    """
    import os
    import shlex
    import subprocess
    import sys

    for key in keys or [key for key in IMAGES if key != "triton-cuda"]:
        if key not in IMAGES:
            print(f"error: '{key}' is none of {', '.join(IMAGES)}", file=sys.stderr)
            return 2
        command = passing_on(build_command(IMAGES[key]), os.environ)
        print(shlex.join(command), flush=True)
        if status := subprocess.run(command, cwd=Path(__file__).resolve().parents[2], check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
