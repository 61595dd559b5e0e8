"""What can go wrong with a deployment in containers and with bundles, as branches of the tree in modelyard/errors.py.

    InvalidInput
    ├── BundleDamaged           a bundle that is not what was signed, by file
    ├── BundleUntrusted         a bundle that nobody signed, or somebody else did
    ├── BundleUnfit             a bundle for other hosts than this
    └── BadBundleKey            a file that is no key for bundles
    EngineError
    ├── DeploymentFailed        containers were started and do not answer
    └── RollbackFailed          a new version is not well, and going back failed too
    HostProblem
    ├── DockerUnreachable       no Docker engine answers, or not to this user
    ├── ComposeMissing          neither `docker compose` nor docker-compose is there
    ├── ComposeFailed           compose refused, or a container did not start
    ├── ImageMissing            an image is not here, and cannot be built or pulled
    ├── NpuDriverMissing        an image for an NPU would be built without its driver
    ├── DeployFilesMissing      there is no folder `deploy` beside the package
    ├── DeploymentMissing       nothing was deployed from this home
    ├── DeploymentBusy          another command is changing the deployment
    ├── PackagesUnresolved      a distribution's packages could not be gathered
    └── WheelsUnavailable       Python's packages could not be gathered

Knows sentences; does not know an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelyard.errors import EngineError, HostProblem, InvalidInput


class BundleDamaged(InvalidInput):
    """The files of a bundle are not those that were listed and signed; `problems` has a sentence for each."""

    def __init__(self, bundle: str, problems: Sequence[str]) -> None:
        shown = "".join(f"\n  - {problem}" for problem in problems[:20])
        more = f"\n  - and {len(problems) - 20} more" if len(problems) > 20 else ""
        super().__init__(f"the bundle {bundle} is damaged:{shown}{more}", hint="copy it again from where it was made")
        self.problems = tuple(problems)


class BundleUntrusted(InvalidInput):
    """No signature, or not one by the key that was given."""

    def __init__(self, bundle: str, why: str, *, hint: str) -> None:
        super().__init__(f"the bundle {bundle} cannot be trusted: {why}", hint=hint)


class BundleUnfit(InvalidInput):
    """A bundle that is whole and trusted, and not for this host."""

    def __init__(self, bundle: str, why: str) -> None:
        super().__init__(f"the bundle {bundle} cannot be installed here: {why}", hint="have one made for this host")


class BadBundleKey(InvalidInput):
    """A file that should hold half of an Ed25519 key pair, and does not; `half` is 'private' or 'public'."""

    def __init__(self, file: Path, half: str) -> None:
        super().__init__(
            f"{file} is no {half} key for bundles: it must be an Ed25519 key in PEM",
            hint="'modelyard bundle keygen' makes a pair",
        )


class DeploymentFailed(EngineError):
    """The containers were started and no answer came; `last_words` is what they logged last."""

    def __init__(self, message: str, last_words: str) -> None:
        super().__init__(
            f"{message}\n{last_words}".rstrip(),
            hint="modelyard logs shows all of it; modelyard doctor looks for what is missing",
        )


class RollbackFailed(EngineError):
    """A new version did not become well, and going back to the one before failed too."""

    def __init__(self, version: str, why: str, second: str) -> None:
        super().__init__(
            f"the new version is not well ({why}), and going back to {version} failed: {second}",
            hint=f"modelyard up starts what should run; the images of {version} are kept",
        )


class DockerUnreachable(HostProblem):
    """No Docker engine answers there, or it does not answer this user."""

    def __init__(self, address: str, cause: BaseException) -> None:
        self.cause = cause
        hints = {
            PermissionError: "let your user use it: sudo usermod -aG docker $USER, then log in again",
            FileNotFoundError: "install it and start it (modelyard doctor says how), or set DOCKER_HOST",
        }
        hint = next((hint for kind, hint in hints.items() if isinstance(cause, kind)), "")
        super().__init__(
            f"Docker's engine cannot be reached at {address}: {cause}",
            hint=hint or "is it running? sudo systemctl start docker; or set DOCKER_HOST",
        )


class ComposeMissing(HostProblem):
    """Neither of compose's names is on the path."""

    def __init__(self) -> None:
        super().__init__(
            "neither 'docker compose' nor 'docker-compose' is installed",
            hint="sudo apt-get install docker-compose-plugin (Docker's repository) or docker-compose (Debian's)",
        )


class ComposeFailed(HostProblem):
    """Compose refused, or a container did not start; `said` are its last lines."""

    def __init__(self, action: str, status: int, said: str) -> None:
        super().__init__(
            f"compose {action} failed with status {status}:\n{said}",
            hint="modelyard doctor looks for what is missing; modelyard logs shows what the containers say",
        )


class ImageMissing(HostProblem):
    """An image is not here, and could not be built or pulled."""

    def __init__(self, reference: str, why: str, *, hint: str = "") -> None:
        super().__init__(
            f"the image {reference} is not here, and {why}",
            hint=hint or "build it in a checkout (modelyard up --build), or name your registry: MODELYARD_IMAGE_PREFIX",
        )


class NpuDriverMissing(HostProblem):
    """An image that is to use an NPU would be built, and nobody said where its driver is; Debian has none."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"{reference} would be built without the driver of the NPU, which Debian has not",
            hint="name its packages in DRIVER_URLS, each with its checksum, as deploy/docker/README.md says; or take "
            "an image that has it (--pull, MODELYARD_IMAGE_PREFIX)",
        )


class DeployFilesMissing(HostProblem):
    """The compose files are not where they are looked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"there are no compose files in {folder / 'compose'}",
            hint="run this in a checkout of Modelyard or an unpacked bundle, or set MODELYARD_DEPLOY_FILES to its "
            "folder 'deploy'",
        )


class DeploymentMissing(HostProblem):
    """Nothing was deployed from this home."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"nothing is deployed from {home}", hint="modelyard up; or name another folder with --home")


class DeploymentBusy(HostProblem):
    """Another command is changing this deployment."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"another command is changing the deployment in {home}", hint="wait until it is done")


class PackagesUnresolved(HostProblem):
    """A distribution's packages could not be found or downloaded; `said` are the last lines of its package manager."""

    def __init__(self, release: str, said: str) -> None:
        super().__init__(
            f"the packages of {release} could not be gathered:\n{said}",
            hint="the container needs the release's package sources, by the network or by a mirror",
        )


class WheelsUnavailable(HostProblem):
    """pip did not find or build a wheel; `said` are its last lines."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the Python packages could not be gathered:\n{said}",
            hint="pip needs an index that has them: the network, or PIP_INDEX_URL",
        )
