"""`doctor`: what is missing on this host for a deployment, and how to mend it.

Reads options and prints; `modelyard.deployment.doctor` looks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import output
from modelyard.cli.options import AsJson

if TYPE_CHECKING:
    from modelyard.deployment.doctor.findings import Finding

_HUB = "https://huggingface.co"
_MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the deployment; ~/.local/share/modelyard/deploy by default.")
]


def doctor(
    profile: Annotated[
        str | None, typer.Option(help="Look for what this profile needs: cpu, intel-gpu, intel-npu, cuda.")
    ] = None,
    network: Annotated[bool, typer.Option("--network", help="Also ask whether a registry and the hub answer.")] = False,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Look for what a deployment needs and this host lacks, and say how to mend it.

    Exits with 4 when something would stop `modelyard up`.
    """
    from modelyard.deployment import compose
    from modelyard.deployment.devices import find_devices
    from modelyard.deployment.doctor.examination import Subject, examine
    from modelyard.deployment.doctor.findings import family_of
    from modelyard.deployment.doctor.network import check_network
    from modelyard.deployment.errors import DeployFilesMissing
    from modelyard.deployment.home import find_home
    from modelyard.deployment.plan import Options, identity, options_of
    from modelyard.deployment.profile import choose
    from modelyard.settings import Settings

    settings = Settings()
    place = find_home(home, settings.deploy_home)
    state = place.read_state()
    kept = options_of(state) or Options(port=settings.port)
    devices = find_devices()
    choice = choose(devices, profile)
    try:
        deploy: Path | None = compose.deploy_folder(settings.deploy_files)
    except DeployFilesMissing:
        deploy = None
    findings = examine(
        Subject(
            devices=devices,
            profile=choice.profile,
            wanted=choice.profile if profile else None,
            home=place,
            deploy=deploy,
            identity=identity(settings, state),
            bind=kept.bind,
            port=kept.port,
        )
    )
    if network:
        findings += check_network(identity(settings, state).image_prefix, os.environ.get("HF_ENDPOINT") or _HUB)
    stopped = any(finding.level == "problem" for finding in findings)
    if as_json:
        output.as_json({"ready": not stopped, "profile": choice.profile, "findings": [f.as_record() for f in findings]})
    else:
        for finding in findings:
            _show(finding, family_of())
        output.say("")
        for reason in choice.reasons:
            output.say(f"  {reason}")
        output.say(f"profile: {choice.profile}" + (", which cannot be started yet" if stopped else ""))
    if stopped:
        raise typer.Exit(4)


def _show(finding: Finding, family: str | None) -> None:
    output.say(f"{_MARKS[finding.level]}  {finding.name}: {finding.what}")
    if finding.level != "ok" and finding.mend is not None:
        for line in finding.mend.on(
            "debian" if family == "debian" else "rhel" if family == "rhel" else None
        ).splitlines():
            output.say(f"         {line}")
