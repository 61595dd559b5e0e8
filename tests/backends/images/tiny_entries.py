"""Makes a repository with entries of every family of image models, converted as a user's would be.

Run as a program: `python tiny_entries.py FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[3]
ADAPTER = "swirl"
WITH_ADAPTERS = ("sd", "lcm", "sdxl")


def make(repository: Path, scratch: Path) -> None:
    from converters.convert import convert
    from converters.exportable import refusal
    from converters.plan import Wishes, plan_conversion
    from converters.source import open_checkpoint
    from converters.targets import Target
    from tests.converters.image_checkpoints import FAMILIES, write_lora, write_pipeline, write_strict_pipeline

    def carry_out(folder: Path, name: str, target: Target, **wishes: object) -> None:
        wanted = Wishes(name=name, target=target, **wishes)  # type: ignore[arg-type]
        plan = plan_conversion(
            open_checkpoint(str(folder)), repository=repository, wishes=wanted, exportable=refusal, check_host=False
        )
        convert(plan, on_step=lambda step: None)

    for family in FAMILIES:
        folder = write_pipeline(scratch / family, family)
        also = {}
        if family in WITH_ADAPTERS:
            adapter = write_lora(scratch / f"{family}-adapters", ADAPTER, family=family)
            also = {"adapters": {ADAPTER: adapter}}
        carry_out(folder, f"{family}-openvino", "triton-openvino", precision="fp16", **also)
        if family in ("sd", "sd-inpainting", "flux"):
            carry_out(folder, f"{family}-diffusers", "triton-diffusers", **also)
    carry_out(write_strict_pipeline(scratch / "strict"), "strict-diffusers", "triton-diffusers")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with TemporaryDirectory() as folder:
        make(Path(sys.argv[1]), Path(folder))
