"""`up`: a deployment on this host, from nothing to a first answer; again, whatever differs from what was asked for.

Reads options and shows what happens; `modelyard.deployment` does it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard import __version__
from modelyard.cli import output
from modelyard.cli.doctor import HomeOption
from modelyard.cli.next_steps import next_steps, pages
from modelyard.cli.planned_steps import DryRunOption, print_nothing_changed, print_planned

if TYPE_CHECKING:
    from docker import DockerClient

    from modelyard.deployment.devices import Devices
    from modelyard.deployment.home import Home
    from modelyard.deployment.model_list import ModelWish
    from modelyard.deployment.obtaining import Manner
    from modelyard.deployment.plan import Deployment, Identity, Options
    from modelyard.settings import Settings


def up(
    profile: Annotated[
        str | None, typer.Option(help="cpu, intel-gpu, intel-npu, cuda; auto looks at the devices again.")
    ] = None,
    gateways: Annotated[int | None, typer.Option(min=1, max=16, help="Gateways behind the balancer.")] = None,
    tritons: Annotated[int | None, typer.Option(min=1, max=64, help="Tritons behind the gateways.")] = None,
    bind: Annotated[str | None, typer.Option(help="Address of this host to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on; 11434 by default.")] = None,
    extras: Annotated[
        str | None, typer.Option("--with", help="monitoring, webui, or both with a comma; none takes them away.")
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", help="The file that lists the models; deploy/models.toml by default.")
    ] = None,
    triton_memory: Annotated[
        str | None, typer.Option(help="Memory for each Triton, as 16g; what the host has less 2 GiB by default.")
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="Build the images anew, also when they are here.")] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Pull the images anew, and build none.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the hub for newer versions of the models.")] = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Deploy on this host in containers: secrets, images, models, start, and a first answer.

    What was chosen is remembered: `modelyard up` alone repeats it, and changes nothing that is as it should be.
    """
    from modelyard.deployment.devices import find_devices
    from modelyard.deployment.home import find_home
    from modelyard.deployment.plan import options_of
    from modelyard.deployment.profile import choose
    from modelyard.deployment.steps import dry_run_wanted
    from modelyard.errors import InvalidInput
    from modelyard.settings import Settings

    if build and pull:
        raise InvalidInput("--build and --pull exclude each other", hint="choose one, or none: what is here is used")
    settings = Settings()
    place, devices = find_home(home, settings.deploy_home), find_devices()
    kept = options_of(place.read_state())
    asked = profile or (kept.profile if kept is not None else None)
    choice = choose(devices, asked)
    for reason in choice.reasons if profile or kept is None else ():
        output.say(f"  {reason}")
    output.say(f"profile: {choice.profile}" + (" (as before)" if kept is not None and not profile else ""))
    typed: dict[str, Any] = {
        "profile": choice.profile,
        "gateways": gateways,
        "tritons": tritons,
        "bind": bind,
        "port": port,
        "extras": _extras(extras),
        "models_file": str(models.absolute()) if models is not None else None,
        "triton_memory": triton_memory,
    }
    options = _remembered(kept, settings).changed(**typed)
    manner: Manner = "build" if build else "pull" if pull else "auto"
    _deploy(settings, place, devices, options, manner, refresh=refresh, dry_run=dry_run or dry_run_wanted())


def _remembered(kept: Options | None, settings: Settings) -> Options:
    from modelyard.deployment.plan import Options

    return kept if kept is not None else Options(port=settings.port)


def _extras(text: str | None) -> tuple[str, ...] | None:
    if text is None or text.strip() == "none":
        return None if text is None else ()
    return tuple(sorted({part.strip() for part in text.split(",") if part.strip()}))


def _deploy(
    settings: Settings,
    home: Home,
    devices: Devices,
    options: Options,
    manner: Manner,
    *,
    refresh: bool,
    dry_run: bool,
) -> None:
    from modelyard.deployment import answer, compose, starting
    from modelyard.deployment.model_list import read_models, require_servable
    from modelyard.deployment.plan import identity, models_file
    from modelyard.deployment.steps import carry_out

    folder = compose.deploy_folder(settings.deploy_files)
    wishes = read_models(models_file(options, folder))
    require_servable(wishes, options.profile)
    chosen = identity(settings, home.read_state())
    if chosen.version != __version__:
        output.say(f"version: {chosen.version}, as deployed; this command is {__version__} (modelyard upgrade)")
    if not dry_run:
        _require_ready_host(chosen, home, devices, options, folder, manner)
    deployment = _planned(chosen, devices, options, wishes, dry_run=dry_run)
    with contextlib.nullcontext() if dry_run else home.locked(), output.progress() as shown:
        site = starting.Site(home, folder, _engine, shown, devices.gpus)
        project = site.project(deployment, compose.find_compose(dry_run=dry_run))
        steps = starting.steps(deployment, site, manner=manner, refresh=refresh, project=project)
        if dry_run:
            print_planned(steps)
            output.say("would do: waiting for the first answer")
            output.say(f"    a streamed chat at {options.url}, with the key, up to its first token")
            print_nothing_changed()
            return
        names = [wish.name for wish in wishes]
        before = answer.editions(home, names)
        ran = carry_out(steps, shown)
        outdated = answer.remade(before, answer.editions(home, names))
        model = answer.model_to_ask(home, names)
        said = answer.first_answer(_engine(), home, options.url, chosen.project, model, shown, outdated=outdated)
    output.say(f"Modelyard {chosen.version} answers at {options.url}: {said}")
    if not ran:
        output.say("everything was as it should be; nothing was changed")
    for line in pages(options.extras, home.read_env(), home.secrets):
        output.say(line)
    for line in next_steps(options.url, home.api_key_file, model):
        output.say(line)


def _engine() -> DockerClient:
    from modelyard.deployment.engine import connect

    return connect()


def _planned(
    identity: Identity, devices: Devices, options: Options, wishes: tuple[ModelWish, ...], *, dry_run: bool
) -> Deployment:
    """With what the engine says of its host; a dry run does without when there is none."""
    import psutil

    from modelyard.deployment.engine import is_rootless
    from modelyard.deployment.errors import DockerUnreachable
    from modelyard.deployment.plan import Deployment, containers_user

    try:
        info: dict[str, Any] = _engine().info()
    except DockerUnreachable:
        if not dry_run:
            raise
        info = {}
    return Deployment(
        identity=identity,
        options=options,
        models=wishes,
        user=containers_user(os.getuid(), os.getgid(), rootless=is_rootless(info)),
        render_gid=devices.accel_gid if options.profile == "intel-npu" else devices.render_gid,
        memory=int(info.get("MemTotal") or psutil.virtual_memory().total),
    )


def _require_ready_host(
    identity: Identity, home: Home, devices: Devices, options: Options, folder: Path, manner: Manner
) -> None:
    """Raises HostProblem with everything that would stop the deployment."""
    from modelyard.deployment.doctor.examination import Subject, examine
    from modelyard.errors import HostProblem

    subject = Subject(
        devices=devices,
        profile=options.profile,
        wanted=options.profile,
        home=home,
        deploy=folder,
        identity=identity,
        bind=options.bind,
        port=options.port,
        manner=manner,
    )
    findings = examine(subject)
    # Others are left to doctor: of this one nobody would see why a model does not load.
    for finding in findings:
        if (finding.name, finding.level) == ("npu driver", "warning"):
            output.say(f"  warning: {finding.what} (modelyard doctor --profile {options.profile})")
    problems = [finding for finding in findings if finding.level == "problem"]
    if problems:
        said = "; ".join(f"{finding.name}: {finding.what}" for finding in problems)
        raise HostProblem(said, hint=f"modelyard doctor --profile {options.profile} says how to mend it")
