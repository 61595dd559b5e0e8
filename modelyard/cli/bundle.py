"""`bundle create`, `verify`, `install` and `keygen`: everything for a host that no network reaches, in one file.

Reads options and shows what happens; `modelyard.deployment.bundle` does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard.cli import output
from modelyard.cli.doctor import HomeOption
from modelyard.cli.options import AsJson, Repository, settings_with
from modelyard.cli.planned_steps import DryRunOption
from modelyard.cli.stopping import StopRequest

if TYPE_CHECKING:
    from modelyard.deployment.bundle.creation import Order
    from modelyard.deployment.bundle.verification import Verified

_ENGINE_TIMEOUT_S = 3600  # an engine is silent while it packs or unpacks an image; 1 GB took 2 minutes on a busy disk

app = typer.Typer(
    help="Images, models, packages and playbooks in one signed file, for hosts that no network reaches.",
    no_args_is_help=True,
)

Place = Annotated[
    Path, typer.Argument(help="A bundle: the file, or the folder that it was unpacked into.", metavar="BUNDLE")
]
PublicKey = Annotated[Path | None, typer.Option("--key", help="Public key of who made the bundle, in PEM.")]
AllowUnsigned = Annotated[
    bool, typer.Option("--allow-unsigned", help="Go without a signature: damage is found, malice is not.")
]


@app.command()
def keygen(
    private: Annotated[Path, typer.Argument(help="File for the private key.", metavar="PRIVATE")],
    public: Annotated[
        Path | None, typer.Argument(help="File for the public key; PRIVATE with .pub by default.", metavar="PUBLIC")
    ] = None,
) -> None:
    """Make a pair of keys: the private one signs bundles and stays here, the public one goes to who checks them."""
    from modelyard.deployment.bundle import signature

    public = public or private.with_name(f"{private.name}.pub")
    signature.make_keys(private, public)
    output.say(f"private key, for you alone: {private}")
    output.say(f"public key, for who installs: {public}")


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The bundle to write.", metavar="OUT.tar")],
    key: Annotated[Path | None, typer.Option("--key", help="Private key to sign with, by `bundle keygen`.")] = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Make it without a signature.")] = False,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="An image of this host's engine: a name of ours (gateway, triton-cuda, triton-openvino:-intel) or "
            "any other with its tag; may be repeated. gateway, triton-openvino and balancer by default.",
        ),
    ] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="No image.")] = False,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model of the repository; may be repeated.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release", help="Also distribution packages, of the release of this image: debian:bookworm-slim."
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", help="Python of the hosts, as in 3.11; that of the release, or this one, by default."),
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="Also the wheels of Triton and its engines, for hosts without Docker.")
    ] = False,
    lock: Annotated[
        list[Path] | None, typer.Option("--lock", help="Also the wheels of this lock file; may be repeated.")
    ] = None,
    no_wheels: Annotated[bool, typer.Option("--no-wheels", help="No wheels; install.sh needs them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Write everything that a host without a network needs into one file, with checksums and a signature."""
    from modelyard.deployment import engine
    from modelyard.deployment.bundle import signature
    from modelyard.deployment.bundle.collecting.images import DEFAULT
    from modelyard.deployment.bundle.creation import Creation, lock_files
    from modelyard.deployment.bundle.creation import Order as Wanted
    from modelyard.deployment.plan import identity
    from modelyard.deployment.steps import carry_out, dry_run_wanted
    from modelyard.errors import InvalidInput

    if (key is None) is not unsigned:
        raise InvalidInput(
            "a bundle is either signed or not: --key FILE, or --unsigned", hint="'modelyard bundle keygen' makes a key"
        )
    StopRequest()
    settings = settings_with(repository)
    chosen = identity(settings, {})
    order: Order = Wanted(
        target=file,
        images=() if no_images else tuple(image or DEFAULT),
        models=tuple(model or ()),
        release=release,
        locks=() if no_wheels else lock_files(native=native, more=lock or ()),
        python=python,
        repository=settings.model_repository,
        prefix=chosen.image_prefix,
        version=chosen.version,
        force=force,
    )
    signing = signature.read_private(key) if key is not None else None
    with output.progress() as shown:
        client = engine.connect(_ENGINE_TIMEOUT_S) if order.images or release else None
        dry_run = dry_run_wanted()
        with Creation(order, signing, client) as creation:
            carry_out(creation.steps(), shown, dry_run=dry_run)
    if dry_run:
        return
    size = file.stat().st_size
    if as_json:
        output.as_json({"file": str(file), "size": size, "signed": key is not None})
    else:
        output.say(f"wrote {file}: {output.in_bytes(size)}, {'signed' if key is not None else 'NOT signed'}")


@app.command()
def verify(
    bundle: Place,
    key: PublicKey = None,
    allow_unsigned: AllowUnsigned = False,
    as_json: AsJson = False,
) -> None:
    """Check who signed a bundle, then every file in it."""
    from modelyard.deployment.bundle import opened, verification

    StopRequest()
    with output.progress() as shown, opened.opened(bundle) as found:
        shown.step(f"checking {len(found.sizes)} files, {output.in_bytes(sum(found.sizes.values()))}")
        verified = verification.verify(found, key, allow_unsigned=allow_unsigned)
    if as_json:
        output.as_json({"bundle": str(bundle), **_summary(verified)})
        return
    by = f"signed by the owner of {key}" if verified.signed else "NOT signed"
    output.say(f"{bundle} is whole, {by}")
    output.facts(
        {
            "version": verified.manifest.version,
            "made": verified.manifest.created,
            "platform": verified.manifest.platform,
            "images": ", ".join(image.reference for image in verified.manifest.images) or "none",
            "models": ", ".join(model.name for model in verified.manifest.models) or "none",
            "packages": verified.manifest.release or "none",
            "wheels": f"for Python {verified.manifest.python}" if verified.manifest.python else "none",
        }
    )


def _summary(verified: Verified) -> dict[str, Any]:
    manifest = verified.manifest
    return {
        "signed": verified.signed,
        "files": len(verified.digests),
        "size": verified.size,
        "version": manifest.version,
        "created": manifest.created,
        "platform": manifest.platform,
        "images": [image.reference for image in manifest.images],
        "models": [model.name for model in manifest.models],
        "release": manifest.release,
        "python": manifest.python,
    }


@app.command()
def install(
    bundle: Place,
    key: PublicKey = None,
    allow_unsigned: AllowUnsigned = False,
    profile: Annotated[str | None, typer.Option(help="As `modelyard up --profile`: cpu, intel-gpu, cuda ...")] = None,
    bind: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on; 11434 by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace models that are here and differ.")] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Load images and models, and start nothing.")] = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Check a bundle, load its images and models, and start them as `modelyard up` does, with no network.

    When it fails half-way, what was deployed before goes on.
    """
    from modelyard.deployment import engine
    from modelyard.deployment.bundle import opened, verification
    from modelyard.deployment.bundle.installation import Asked, Installation
    from modelyard.deployment.home import find_home
    from modelyard.deployment.steps import carry_out, dry_run_wanted
    from modelyard.settings import Settings

    StopRequest()
    settings = Settings()
    place = find_home(home, settings.deploy_home)
    typed = {"--profile": profile, "--bind": bind, "--port": port}
    asked = Asked(
        up=tuple(word for name, value in typed.items() if value is not None for word in (name, str(value))),
        force=force,
        start=not no_start,
        deploy_files=settings.deploy_files,
    )
    dry = dry_run or dry_run_wanted()
    with output.progress() as shown, opened.opened(bundle) as found:
        shown.step(f"checking {len(found.sizes)} files, {output.in_bytes(sum(found.sizes.values()))}")
        verified = verification.verify(found, key, allow_unsigned=allow_unsigned)
        installation = Installation(found, verified, place, engine.connect(_ENGINE_TIMEOUT_S), asked)
        if dry:
            carry_out(installation.steps(), shown, dry_run=True)
            return
        with installation.undone_on_failure():
            carry_out(installation.steps(), shown)
    output.say(f"Modelyard {verified.manifest.version} is installed from {bundle}; its home is {place.path}")
    if str(installation.folder).startswith(str(place.path)):
        output.say(f"for modelyard up, down and logs: export MODELYARD_DEPLOY_FILES={installation.folder}")
