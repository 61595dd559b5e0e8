"""The examples for KServe, checked against the structure of its own definitions; no KServe was asked."""

from __future__ import annotations

import yaml

import modelyard
from modelyard.engine.__main__ import _parser
from tests.deploy.helm.rendering import NEWEST, ROOT, Document, validate

FOLDER = ROOT / "deploy/kserve"


def _document(name: str) -> Document:
    document: Document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return document


def test_they_are_what_kserve_takes() -> None:
    for path in sorted(FOLDER.glob("*.yaml")):
        validate(yaml.safe_load(path.read_text()), NEWEST)
    assert len(list(FOLDER.glob("*.yaml"))) == 3


def test_the_service_asks_for_the_runtime_in_its_words() -> None:
    runtime, service = _document("serving-runtime"), _document("inference-service")
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"]["name"] in {each["name"] for each in runtime["spec"]["supportedModelFormats"]}
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]


def test_the_container_is_ours() -> None:
    (container,) = _document("serving-runtime")["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == f"modelyard/triton-openvino:{modelyard.__version__}"
    given, extra = _parser().parse_known_args(container["args"])
    assert str(given.repository) == "/mnt/models"
    assert extra == ["--load-model={{.Name}}"]
    grace = _document("inference-service")["spec"]["predictor"]["terminationGracePeriodSeconds"]
    assert grace > given.exit_timeout + 10
    assert container["ports"][0] == {"name": "h2c", "containerPort": 8001, "protocol": "TCP"}


def test_a_gateway_finds_every_pod_of_the_service() -> None:
    service = _document("gateway-service")
    assert service["spec"]["clusterIP"] == "None"
    assert (
        service["spec"]["selector"]["serving.kserve.io/inferenceservice"]
        == (_document("inference-service")["metadata"]["name"])
    )
