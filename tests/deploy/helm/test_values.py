"""What values.schema.json and the templates refuse, in Helm's words, and that every value has its place in both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.deploy.helm.rendering import CHART, Refused, render

# A value, and a word that Helm says about it.
BAD = {
    "an unknown profile": ({"profile": "rocm"}, "profile"),
    "a misspelled name": ({"gateway": {"replica": 3}}, "replica"),
    "a misspelled section": ({"tritons": {}}, "tritons"),
    "text for a number": ({"triton": {"replicas": "two"}}, "replicas"),
    "less than none": ({"gateway": {"replicas": -1}}, "replicas"),
    "a user who is root": ({"podSecurity": {"runAsUser": 0}}, "runAsUser"),
    "a user by name": ({"podSecurity": {"runAsUser": "modelyard"}}, "runAsUser"),
    "a short key": ({"auth": {"apiKey": "short"}}, "apiKey"),
    "a key with a line end": ({"auth": {"apiKey": "0123456789abcdef\n"}}, "apiKey"),
    "a key as a setting": ({"gateway": {"settings": {"MODELYARD_API_KEY": "x"}}}, "MODELYARD_API_KEY"),
    "a setting of somebody else": ({"gateway": {"settings": {"PATH": "/bin"}}}, "PATH"),
    "a key twice": ({"auth": {"existingSecret": "key", "apiKey": "0123456789abcdef"}}, "exclude each other"),
    "a device that is no resource": ({"triton": {"accelerator": {"resource": "gpu"}}}, "resource"),
    "no device at all": ({"profile": "cuda", "triton": {"accelerator": {"count": 0}}}, "count"),
    "a size without a number": ({"models": {"volume": {"size": "large"}}}, "size"),
    "an access mode": ({"models": {"volume": {"accessModes": ["ReadWriteAll"]}}}, "accessModes"),
    "a model without a source": ({"models": {"install": [{"name": "qwen"}]}}, "source"),
    "a precision": ({"models": {"install": [{"source": "a/b", "precision": "int5"}]}}, "precision"),
    "two models in one": ({"models": {"load": ["a,b"]}}, "load"),
    "a word for Triton": ({"triton": {"extraArgs": ["verbose"]}}, "extraArgs"),
    "a scaler": ({"autoscaling": {"triton": {"kind": "vpa"}}}, "kind"),
    "least above most": ({"autoscaling": {"triton": {"enabled": True, "minReplicas": 9}}}, "minReplicas"),
    "a budget of none": ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
    "TLS for no host": ({"ingress": {"enabled": True, "tlsSecret": "tls"}}, "ingress.host"),
    "an empty peer": ({"networkPolicy": {"gateway": {"from": [{}]}}}, "from"),
}


@pytest.mark.parametrize(("values", "word"), BAD.values(), ids=BAD)
def test_helm_refuses(values: dict[str, Any], word: str) -> None:
    with pytest.raises(Refused) as refused:
        render(values)
    assert word in str(refused.value)


def _paths(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")


def _described(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    schema = definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    for name, each in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from _described(each, definitions, f"{prefix}{name}.")


def test_values_and_their_schema_name_the_same() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = set(_paths(yaml.safe_load((CHART / "values.yaml").read_text())))
    described = set(_described(schema, schema["definitions"]))
    # What is inside of maps that are handed to Kubernetes as they are.
    free = ("resources.requests.", "resources.limits.", "networkPolicy.prometheus.")
    assert {path for path in values if not any(part in path for part in free)} <= described
    # `global` is what Helm itself adds; the rest is only there when somebody sets it.
    optional = {"global", "monitoring.prometheusRule.interval"}
    assert {path for path in described - values if not any(part in path for part in free)} <= optional
