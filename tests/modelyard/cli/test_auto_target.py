"""`--target auto` as a user gives it: decided by running both engines once, said, carried out and kept."""

from __future__ import annotations

import json
from pathlib import Path

from modelyard.entry import Entry
from modelyard.manifest import read_manifest
from tests.converters.gguf_files import write_gguf
from tests.modelyard.cli.running import run


def test_the_faster_engine_is_found_once_and_the_entry_is_for_it(tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    write_gguf(file)
    repository = tmp_path / "models"

    made = run("convert", str(file), "--target", "auto", repository=repository)
    assert made.returncode == 0, made.stderr
    (found,) = [line.strip() for line in made.stderr.splitlines() if "measured on this host" in line]
    target = found.partition(":")[0]
    manifest = read_manifest(Entry(repository / "tiny"))
    assert manifest is not None
    assert manifest.target == target
    # What a conversion takes is said before its first step.
    said = made.stderr.splitlines()
    first_step = next(number for number, line in enumerate(said) if line.strip() in _FIRST_STEPS[target])
    for figure in ("parameters: ", "disk to convert: about ", "memory to serve: about ", "speed: about "):
        assert any(line.strip().startswith(figure) for line in said[:first_step]), (figure, made.stderr)

    planned = run("plan", str(file), "--target", "auto", "--json", repository=repository)
    assert planned.returncode == 0, planned.stderr
    told = json.loads(planned.stdout)
    # Not measured again, which would give other figures.
    assert f"{told['target']}: {told['target_reason']}" == found


_FIRST_STEPS = {"triton-openvino": ("dequantizing ...",), "triton-llamacpp": ("taking the files as they are ...",)}
