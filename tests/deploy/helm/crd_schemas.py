"""Makes the schemas in `crds/` from the definitions that operators publish: their structure, without the prose.

    python -m tests.deploy.helm.crd_schemas CRD.yaml VERSION SOURCE [WITHOUT...] > crds/kind.json

Unknown fields are refused, which the API server would drop in silence. SOURCE says whose release it was. WITHOUT
names fields to leave out, as `predictor.sklearn`, where a definition repeats a whole pod for each framework. Fetches
nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

# What a structural schema of Kubernetes says that JSON Schema checks too.
_KEPT = ("type", "enum", "required", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_SEVERAL = ("anyOf", "oneOf", "allOf")


def schema_of(definition: Mapping[str, Any], version: str, without: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON Schema of one version of a CustomResourceDefinition."""
    spec = definition["spec"]
    (published,) = [each for each in spec["versions"] if each["name"] == version]
    root = published["schema"]["openAPIV3Schema"]
    for path in without:
        *parents, last = path.split(".")
        node = root["properties"]["spec"]
        for name in parents:
            node = node["properties"][name]
        del node["properties"][last]
    schema = structure(root)
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    schema["properties"]["apiVersion"] = {"const": f"{spec['group']}/{version}"}
    schema["properties"]["kind"] = {"const": spec["names"]["kind"]}
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    return schema


def structure(node: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: node[name] for name in _KEPT if name in node}
    if "(?i)" in kept.get("pattern", ""):
        # Go takes flags anywhere, Python at the front only.
        kept["pattern"] = "(?i)" + kept["pattern"].replace("(?i)", "")
    if node.get("x-kubernetes-int-or-string"):
        kept = {"type": ["integer", "string"]}
    for name in _SEVERAL:
        if name in node and not node.get("x-kubernetes-int-or-string"):
            kept[name] = [structure(each) for each in node[name]]
    if "properties" in node:
        kept["properties"] = {name: structure(each) for name, each in node["properties"].items()}
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            kept["additionalProperties"] = False
    elif isinstance(node.get("additionalProperties"), Mapping):
        kept["additionalProperties"] = structure(node["additionalProperties"])
    if "items" in node:
        kept["items"] = structure(node["items"])
    return kept


def main() -> None:
    definition = yaml.safe_load(Path(sys.argv[1]).read_text())
    schema = {"$comment": f"Apache-2.0, {sys.argv[3]}"} | schema_of(definition, sys.argv[2], sys.argv[4:])
    print(json.dumps(schema, separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main()
