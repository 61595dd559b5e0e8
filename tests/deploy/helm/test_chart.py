"""The Helm chart, rendered by the real Helm for every profile and with everything on: valid, locked down, joined up.

What a cluster would do with it was not seen: there is none here.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import modelyard
from gateway.telemetry import Telemetry
from modelyard.entry import staging_root
from modelyard.settings import Settings
from tests.deploy.helm.rendering import CHART, NEWEST, OLDEST, ROOT, Document, ask, find, pods, render, validate

KEY = "a-key-of-some-length"
EVERYTHING: dict[str, Any] = {
    "profile": "cuda",
    "image": {"prefix": "registry.example.org/modelyard", "pullSecrets": [{"name": "registry"}]},
    "auth": {"apiKey": KEY},
    "models": {
        "load": ["qwen", "all-minilm"],
        "volume": {"storageClass": "nfs", "accessModes": ["ReadWriteMany"], "size": "1Ti"},
        "install": [
            {"source": "Qwen/Qwen2.5-0.5B-Instruct", "name": "qwen", "precision": "int4"},
            {"source": "hf.co/bartowski/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M"},
        ],
    },
    "converter": {"hubTokenSecret": "hub"},
    "gateway": {
        "settings": {"MODELYARD_DEFAULT_MODEL": "qwen", "MODELYARD_QUEUE_LIMIT": 64},
        "service": {"type": "LoadBalancer", "annotations": {"example.org/address": "internal"}},
        "tolerations": [{"key": "web", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"example.org/team": "models"},
        "podLabels": {"team": "models"},
        "priorityClassName": "high",
    },
    "triton": {
        "replicas": 2,
        "accelerator": {"count": 2, "runtimeClassName": "nvidia", "renderGroups": [104, 992]},
        "extraArgs": ["--log-verbose=1"],
        "extraEnv": [{"name": "OPENVINO_LOG_LEVEL", "value": "1"}],
        "nodeSelector": {"nvidia.com/gpu.present": "true"},
        "podAnnotations": {"example.org/team": "models"},
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "host": "models.example.org",
        "tlsSecret": "models-tls",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
    },
    "autoscaling": {"gateway": {"enabled": True}, "triton": {"enabled": True}},
    "networkPolicy": {
        "gateway": {
            "from": [{"namespaceSelector": {"matchLabels": {"team": "web"}}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
        }
    },
    "monitoring": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
}
KEDA: dict[str, Any] = {
    "autoscaling": {"triton": {"enabled": True, "kind": "keda", "keda": {"authenticationRef": "prometheus"}}}
}
PROFILES = {
    "cpu": (f"modelyard/triton-openvino:{modelyard.__version__}", {}),
    "intel-gpu": (f"modelyard/triton-openvino:{modelyard.__version__}-intel", {"gpu.intel.com/i915": 1}),
    "intel-npu": (f"modelyard/triton-openvino:{modelyard.__version__}-intel", {"npu.intel.com/accel": 1}),
    "cuda": (f"modelyard/triton-cuda:{modelyard.__version__}", {"nvidia.com/gpu": 1}),
}
SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    **{name: {"profile": name} for name in PROFILES},
    "everything": EVERYTHING,
    "keda": KEDA,
    "no policies": {"networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}},
    "what exists": {"auth": {"existingSecret": "key"}, "models": {"volume": {"existingClaim": "shared-models"}}},
}


def container(document: Document) -> Document:
    (only,) = document["spec"]["template"]["spec"]["containers"]
    return only


def environment(document: Document) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(document)["env"]}


@pytest.mark.parametrize(
    ("name", "kube_version"), [*((name, NEWEST) for name in SETS), ("everything", OLDEST), ("keda", OLDEST)]
)
def test_every_document_is_what_kubernetes_takes(name: str, kube_version: str) -> None:
    documents = render(SETS[name], kube_version=kube_version)
    for document in documents:
        validate(document, kube_version)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(set(names)) == len(names)


def test_the_validation_refuses_what_is_misspelled() -> None:
    documents = render(EVERYTHING)
    deployment = find(documents, "Deployment", "yard-modelyard-triton")
    container(deployment)["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        validate(deployment, NEWEST)
    monitor = find(documents, "ServiceMonitor", "yard-modelyard-triton")
    monitor["spec"]["endpoints"][0]["intervall"] = "5s"
    with pytest.raises(jsonschema.ValidationError, match="intervall"):
        validate(monitor, NEWEST)


def test_helm_finds_nothing_to_say() -> None:
    assert "0 chart(s) failed" in ask("lint", "--strict", str(CHART))


def test_the_charts_application_is_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == modelyard.__version__


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_every_pod_is_locked_down(values: dict[str, Any]) -> None:
    found = pods(render(values))
    assert len(found) >= 3
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        # A Service named modelyard would set MODELYARD_PORT=tcp://... otherwise.
        assert pod["enableServiceLinks"] is False
        for each in pod["containers"]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert each["resources"]["limits"]["memory"]
            assert each["resources"]["requests"]["cpu"]
            assert "/tmp" in {mount["mountPath"] for mount in each["volumeMounts"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_chooses_image_and_device(profile: str) -> None:
    image, device = PROFILES[profile]
    triton = find(render({"profile": profile}), "Deployment", "yard-modelyard-triton")
    assert container(triton)["image"] == image
    assert container(triton)["resources"]["limits"] == {"memory": "16Gi", **device}
    # A device that is taken must be given back first; processors can hold two for a while.
    surge = triton["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    assert surge == (1 if profile == "cpu" else 0)


def test_an_intel_gpu_of_the_xe_driver_and_its_group() -> None:
    values = {
        "profile": "intel-gpu",
        "triton": {"accelerator": {"resource": "gpu.intel.com/xe", "renderGroups": [992]}},
    }
    documents = render(values)
    triton = find(documents, "Deployment", "yard-modelyard-triton")
    assert container(triton)["resources"]["limits"]["gpu.intel.com/xe"] == 1
    assert triton["spec"]["template"]["spec"]["securityContext"]["supplementalGroups"] == [992]
    gateway = find(documents, "Deployment", "yard-modelyard-gateway")
    assert "supplementalGroups" not in gateway["spec"]["template"]["spec"]["securityContext"]


@pytest.mark.parametrize("release", ["yard", "modelyard"])
def test_gateways_find_the_tritons(release: str) -> None:
    full = "modelyard" if release == "modelyard" else "yard-modelyard"
    documents = render(release=release)
    service = find(documents, "Service", f"{full}-triton")
    triton = find(documents, "Deployment", f"{full}-triton")
    assert environment(find(documents, "Deployment", f"{full}-gateway"))["MODELYARD_TRITON_URLS"] == (
        f"dns://{full}-triton:8001"
    )
    # Headless, so that the name has one address for each Triton.
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= triton["spec"]["template"]["metadata"]["labels"].items()
    assert {port["name"]: port["containerPort"] for port in container(triton)["ports"]} == {
        port["name"]: port["port"] for port in service["spec"]["ports"]
    }


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_what_selects_finds_its_pods_and_no_others(values: dict[str, Any]) -> None:
    documents = render(values)
    labels = {
        name: find(documents, "Deployment", f"yard-modelyard-{name}")["spec"]["template"]["metadata"]["labels"]
        for name in ("gateway", "triton")
    }
    selectors = {
        (each["kind"], each["metadata"]["name"]): (each["spec"].get("podSelector") or each["spec"]["selector"])
        for each in documents
        if each["kind"] in {"Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment"}
    }
    assert len(selectors) >= 8
    for (kind, name), selector in selectors.items():
        wanted = (selector if kind == "Service" else selector["matchLabels"]).items()
        chosen = {component for component, found in labels.items() if wanted <= found.items()}
        assert chosen == {"triton" if name.endswith("-triton") else "gateway"}, (kind, name)


def test_streams_drain_before_a_pod_is_killed() -> None:
    documents = render({"gateway": {"drainSeconds": 300}, "triton": {"drainSeconds": 200, "preStopSeconds": 40}})
    gateway = find(documents, "Deployment", "yard-modelyard-gateway")
    assert environment(gateway)["MODELYARD_DRAIN_TIMEOUT_S"] == "300"
    assert gateway["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 300 + 10
    triton = find(documents, "Deployment", "yard-modelyard-triton")
    assert "--exit-timeout=200" in container(triton)["args"]
    assert container(triton)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "40"]
    assert triton["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 200 + 40


def test_only_the_converter_writes_models() -> None:
    documents = render(EVERYTHING)
    for pod in pods(documents):
        (only,) = pod["containers"]
        for mount in only["volumeMounts"]:
            if mount["name"] == "models":
                assert mount.get("readOnly", False) is (only["name"] != "converter")


def test_what_is_converted_lies_on_the_volume_where_triton_and_gateways_look() -> None:
    documents = render(EVERYTHING)
    served = set()
    for pod in pods(documents):
        (only,) = pod["containers"]
        mount = next((mount for mount in only["volumeMounts"] if mount["name"] == "models"), None)
        if mount is None:  # helm's own test, which asks a gateway
            continue
        if only["name"] == "converter":
            variables = {each["name"]: each.get("value") for each in only["env"]}
            repository = PurePosixPath(variables["MODELYARD_MODEL_REPOSITORY"])
            # Both below the mount: an entry enters the repository by a rename.
            assert staging_root(Path(repository)).is_relative_to(mount["mountPath"])
            assert "subPath" not in mount
            served.add(str(repository.relative_to(mount["mountPath"])))
        else:
            served.add(mount["subPath"])
    assert served == {"models"}


def test_jobs_install_models_and_a_change_is_another_job() -> None:
    jobs = [each for each in render(EVERYTHING) if each["kind"] == "Job"]
    assert container(jobs[0])["args"] == ["pull", "Qwen/Qwen2.5-0.5B-Instruct", "--name=qwen", "--precision=int4"]
    assert container(jobs[1])["args"] == ["pull", "hf.co/bartowski/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M"]
    again = {"models": {"install": [EVERYTHING["models"]["install"][0] | {"precision": "int8"}]}}
    (changed,) = [each for each in render(again) if each["kind"] == "Job"]
    assert changed["metadata"]["name"] != jobs[0]["metadata"]["name"]
    assert all(len(each["metadata"]["name"]) <= 63 for each in jobs)


def test_triton_is_reached_by_gateways_and_prometheus_and_calls_nobody() -> None:
    policy = find(render(), "NetworkPolicy", "yard-modelyard-triton")["spec"]
    assert policy["egress"] == []
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    gateways, prometheus = policy["ingress"]
    assert gateways["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert gateways["ports"] == [{"port": "grpc"}]
    assert prometheus["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert prometheus["ports"] == [{"port": "metrics"}]


def test_the_key_is_in_its_secret_and_nowhere_else() -> None:
    documents = render(EVERYTHING)
    holders = [
        each["kind"] for each in documents if KEY in str(each) or base64.b64encode(KEY.encode()).decode() in str(each)
    ]
    assert holders == ["Secret"]
    assert "MODELYARD_API_KEY" not in environment(find(documents, "Deployment", "yard-modelyard-gateway"))


def test_a_key_is_made_when_none_is_given() -> None:
    found = [render(release=release) for release in ("one", "two")]
    keys = {each["data"]["api_key"] for documents in found for each in documents if each["kind"] == "Secret"}
    assert len(keys) == 2
    assert all(len(base64.b64decode(key)) == 43 for key in keys)


def test_what_exists_is_used_and_not_made() -> None:
    documents = render(SETS["what exists"] | {"monitoring": {"serviceMonitor": {"enabled": True}}})
    assert not {"Secret", "PersistentVolumeClaim"} & {each["kind"] for each in documents}
    volumes = {each["name"]: each for each in pods(documents)[0]["volumes"]}
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == "shared-models"
    assert volumes["key"]["secret"]["secretName"] == "key"
    endpoint = find(documents, "ServiceMonitor", "yard-modelyard-gateway")["spec"]["endpoints"][0]
    assert endpoint["authorization"]["credentials"] == {"name": "key", "key": "api_key"}


def test_the_gateways_settings_exist_and_one_overrides_the_charts() -> None:
    given = environment(find(render(EVERYTHING), "Deployment", "yard-modelyard-gateway"))
    assert {name.removeprefix("MODELYARD_").lower() for name in given} <= set(Settings.model_fields)
    assert given["MODELYARD_QUEUE_LIMIT"] == "64"
    assert given["MODELYARD_MODELS"] == "qwen,all-minilm"


def test_scaled_deployments_leave_their_number_to_the_scaler() -> None:
    documents = render(EVERYTHING)
    for name in ("gateway", "triton"):
        assert "replicas" not in find(documents, "Deployment", f"yard-modelyard-{name}")["spec"]
        target = find(documents, "HorizontalPodAutoscaler", f"yard-modelyard-{name}")["spec"]["scaleTargetRef"]
        assert target["name"] == f"yard-modelyard-{name}"


def test_tritons_follow_a_metric_that_gateways_have() -> None:
    page = Telemetry(lambda: 0.0, queue_limit=512).page().decode()
    (metric,) = find(render(EVERYTHING), "HorizontalPodAutoscaler", "yard-modelyard-triton")["spec"]["metrics"]
    assert re.search(rf"^{metric['external']['metric']['name']} ", page, re.MULTILINE)
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "8"}
    (trigger,) = find(render(KEDA), "ScaledObject", "yard-modelyard-triton")["spec"]["triggers"]
    assert trigger["metadata"]["query"] == 'sum(modelyard_gateway_requests_in_flight{namespace="models"})'
    assert trigger["metadata"]["threshold"] == "8"


def test_the_rules_are_those_of_the_other_deployments() -> None:
    groups = find(render(EVERYTHING), "PrometheusRule", "yard-modelyard")["spec"]["groups"]
    files = sorted((ROOT / "deploy/monitoring/prometheus/rules").glob("*.yml"))
    assert groups == [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    assert any("alert" in rule for group in groups for rule in group["rules"])


def test_the_jobs_are_called_as_the_rules_call_them() -> None:
    documents = render(EVERYTHING)
    rules = str(find(documents, "PrometheusRule", "yard-modelyard"))
    for component in ("gateway", "triton"):
        monitor = find(documents, "ServiceMonitor", f"yard-modelyard-{component}")["spec"]
        (endpoint,) = monitor["endpoints"]
        (relabeling,) = endpoint["relabelings"]
        assert relabeling == {"targetLabel": "job", "replacement": f"modelyard-{component}"}
        assert f'up{{job="{relabeling["replacement"]}"}}' in rules
        service = "yard-modelyard" if component == "gateway" else "yard-modelyard-triton"
        found = find(documents, "Service", service)
        assert monitor["selector"]["matchLabels"].items() <= found["metadata"]["labels"].items()
        assert endpoint["port"] in {port["name"] for port in found["spec"]["ports"]}


def test_helm_test_asks_for_a_real_answer() -> None:
    asked = find(render(EVERYTHING), "Pod", "yard-modelyard-test")
    assert asked["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (only,) = asked["spec"]["containers"]
    assert only["args"][:2] == ["run", "qwen"]
    assert {each["name"]: each["value"] for each in only["env"]}["MODELYARD_URL"] == "http://yard-modelyard:11434"
