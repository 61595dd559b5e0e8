"""Writes what an image is made of as a CycloneDX bill of materials: Debian packages, Python packages, the interpreter.

Runs while the image is built, over its package lists. Knows the files of dpkg and of Python's metadata; does not know
which image it is for, and looks nothing up.

    sbom.py --name modelyard/gateway --version 0.1.0 --dpkg STATUS --python FOLDER [--python FOLDER] OUTPUT
"""

from __future__ import annotations

import argparse
import platform
import uuid
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# A name for the serial numbers, so that the same content has the same number.
_NAMESPACE = uuid.UUID("7d0f2b5c-9c0b-5a52-9a5e-6d6f64656c79")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the image")
    parser.add_argument("--version", required=True)
    parser.add_argument("--dpkg", type=Path, help="dpkg's list of what is installed, its status file")
    parser.add_argument("--os-release", type=Path, default=Path("/etc/os-release"))
    parser.add_argument("--python", type=Path, action="append", default=[], help="a folder of Python packages")
    parser.add_argument("--no-interpreter", action="store_true", help="the image has no Python besides Debian's")
    parser.add_argument("output", type=Path)
    given = parser.parse_args(argv)
    components = list(python_packages(given.python))
    if given.dpkg is not None:
        components += debian_packages(given.dpkg.read_text(), distribution_of(given.os_release.read_text()))
    if not given.no_interpreter:
        components.append(interpreter())
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(bill_of_materials(given.name, given.version, components))


def bill_of_materials(name: str, version: str, components: Iterable[Component]) -> str:
    bom = Bom(components=components)
    bom.metadata.component = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=name)
    content = "\n".join(sorted(str(component.purl) for component in bom.components))
    bom.serial_number = uuid.uuid5(_NAMESPACE, f"{name}@{version}\n{content}")
    return str(JsonV1Dot6(bom).output_as_string(indent=2))


def python_packages(folders: Sequence[Path]) -> Iterator[Component]:
    licenses = LicenseFactory()
    # A folder may be looked at twice, as an environment's and as that of what lies over it.
    seen: set[str] = set()
    for distribution in distributions(path=[str(folder) for folder in folders]):
        metadata = distribution.metadata
        purl = PackageURL("pypi", None, metadata["Name"].lower().replace("_", "-"), distribution.version)
        if str(purl) in seen:
            continue
        seen.add(str(purl))
        stated = license_of(distribution)
        yield Component(
            name=metadata["Name"],
            version=distribution.version,
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
            description=metadata["Summary"],
            licenses=[licenses.make_from_string(stated)] if stated else None,
        )


def license_of(distribution: Distribution) -> str | None:
    """What the package says of its licence in one line; some put the whole text there."""
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        stated = str(metadata[field] or "").strip()
        if stated and "\n" not in stated and stated != "UNKNOWN":
            return stated
    classifiers = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License :: ")]
    return classifiers[0].rpartition(" :: ")[2] if classifiers else None


def debian_packages(status: str, distribution: str) -> Iterator[Component]:
    for paragraph in status.split("\n\n"):
        fields: Message = HeaderParser().parsestr(paragraph.lstrip("\n"))
        if not str(fields["Status"] or "").endswith(" installed"):
            continue
        qualifiers = {"arch": str(fields["Architecture"]), "distro": distribution}
        purl = PackageURL("deb", distribution.partition("-")[0], fields["Package"], fields["Version"], qualifiers)
        yield Component(
            name=str(fields["Package"]),
            version=str(fields["Version"]),
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
            description=str(fields["Description"] or "").partition("\n")[0] or None,
        )


def distribution_of(os_release: str) -> str:
    """As `debian-12`, from /etc/os-release."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return "-".join(fields.get(key, "").strip('"') for key in ("ID", "VERSION_ID"))


def interpreter() -> Component:
    version = platform.python_version()
    purl = PackageURL("generic", None, "python", version)
    return Component(name="python", version=version, type=ComponentType.APPLICATION, purl=purl, bom_ref=str(purl))


if __name__ == "__main__":
    main()
