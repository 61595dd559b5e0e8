"""Whether the libraries of this environment can export an architecture, asked of the libraries themselves.

Knows optimum-intel's register; exports nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from converters.isolation import offline
from converters.quiet import captured
from converters.source import Checkpoint

# The task of optimum's register that an exporter asks for; the others look for themselves.
_TASKS = {
    "openvino_text": "text-generation-with-past",
    "openvino_vision": "image-text-to-text",
}
# optimum-intel exports these, but no pipeline of OpenVINO GenAI 2026.4 runs them: a state-space model has no positions,
# and its first layer fails on prompts shorter than its window.
_NOT_SERVED = frozenset({"mamba", "falcon_mamba", "zamba2"})


def refusal(checkpoint: Checkpoint, exporter: str, task: str) -> str | None:
    """Why this checkpoint cannot be exported with the libraries installed here; None when it can."""
    own = import_module(f"converters.exporters.{exporter}")
    if exporter == "openvino_encoder":
        said = own.refusal(checkpoint, task)
    else:
        said = own.refusal(checkpoint) if hasattr(own, "refusal") else None
    asked = _TASKS.get(exporter)
    if said is None and asked is not None:
        return _of_register(str(checkpoint.config.get("model_type")), asked)
    return str(said) if said is not None else None


def _of_register(model_type: str, task: str) -> str | None:
    if model_type in _NOT_SERVED:
        return f"OpenVINO GenAI cannot run '{model_type}'"
    with offline(), captured(Path(os.devnull)):
        import optimum.exporters.openvino.model_configs  # noqa: F401  # fills the registry
        from optimum.exporters.tasks import TasksManager
        from packaging.version import Version

    try:
        tasks = TasksManager.get_supported_tasks_for_model_type(
            model_type, exporter="openvino", library_name="transformers"
        )
    except KeyError:
        return f"optimum-intel {version('optimum-intel')} does not know the model type '{model_type}'"
    if task not in tasks:
        return f"optimum-intel exports '{model_type}' for other tasks only: {', '.join(sorted(tasks))}"
    config = tasks[task].func
    lowest, highest = (
        getattr(config, "MIN_TRANSFORMERS_VERSION", None),
        getattr(config, "MAX_TRANSFORMERS_VERSION", None),
    )
    installed = Version(version("transformers"))
    if (lowest and installed < Version(str(lowest))) or (highest and installed > Version(str(highest))):
        limits = " and ".join(
            [*([f"at least {lowest}"] if lowest else []), *([f"at most {highest}"] if highest else [])]
        )
        return f"exporting '{model_type}' needs transformers of {limits}; {installed} is installed"
    return None


def tool_versions(names: tuple[str, ...]) -> dict[str, str]:
    """The versions of distributions, of those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
