"""Every error that Modelyard raises on purpose, in one tree.

    ModelyardError
    ├── InvalidInput                what the caller sent is wrong
    │   ├── FieldRefused            a field that cannot be honoured, by name
    │   ├── PromptTooLong           the prompt does not fit the model's context
    │   ├── BadEntryName            a name that cannot be a folder of the repository
    │   ├── ArchiveDamaged          an archive that is not one, or not whole
    │   └── BadCheckpoint           a checkpoint that cannot be converted
    │       ├── ConfigMissing
    │       ├── UnknownArchitecture
    │       ├── WeightsDamaged
    │       ├── LoadRefused         the engine that is to serve it does not load it
    │       ├── TokenizerMissing
    │       └── ConversionRefused   several of these at once
    ├── Unauthorized                no key, or a wrong one
    ├── NotAllowed                  a setting forbids it
    ├── EntryNotFound               no such entry in the repository
    │   └── ModelMissing            the same, with what to type next
    ├── EntryExists                 publishing would replace an entry
    ├── FileExists                  writing would replace a file
    ├── EntryBusy                   another process is changing it
    ├── EntryInUse                  a running service has it loaded
    ├── EntryDamaged                its files are not what its manifest says
    ├── NoRepository                there is no folder of models here to change
    ├── JobNotFound                 no such job, or one of long ago
    ├── ResponseNotFound            no such response is kept
    ├── Overloaded                  too many requests are waiting
    │   └── LoadQueueFull           too many wait for one model to be loaded
    ├── EngineError                 Triton or a backend of it failed
    │   ├── EngineUnavailable       no Triton can be reached, or it is restarting
    │   │   ├── EngineOutOfMemory   a model did not fit the engine's memory when it was loaded
    │   │   └── NoRoom              a model cannot be loaded beside those that stay
    │   ├── EngineTimeout           Triton did not answer in time
    │   └── GenerationBroken        the engine went away in the middle of an answer
    ├── ConversionFailed            an exporter failed
    ├── SourceUnavailable           a hub or a folder cannot be read
    └── HostProblem                 this machine cannot do it
        ├── PortTaken
        ├── SocketTaken
        ├── GatewayMissing          no gateway runs, or it could not be started
        ├── LibraryMissing
        ├── EnvironmentMissing
        ├── NotEnoughMemory
        ├── NotEnoughDisk
        ├── GpuMissing          the target needs an NVIDIA GPU
        └── GpuTooSmall         the GPUs cannot hold or run the model

Those of a deployment in containers are in modelyard/deployment/errors.py. Each class builds its own sentence, so no
message is written at two places. `kind` is neutral: a dialect turns it into its own status and form, the command line
into an exit code. Knows neither HTTP nor gRPC.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

Kind = Literal[
    "invalid",
    "unauthorized",
    "forbidden",
    "not_found",
    "conflict",
    "overloaded",
    "unavailable",
    "timeout",
    "internal",
    "host",
]


class ModelyardError(Exception):
    """The root: `kind` for machines, `str(error)` for people, `hint` for what to do next (may be empty)."""

    kind: ClassVar[Kind] = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(ModelyardError):
    """What the caller sent is wrong; `field` names the part of it, where there is one."""

    kind: ClassVar[Kind] = "invalid"

    def __init__(self, message: str, *, field: str | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class FieldRefused(InvalidInput):
    """A field that is understood but cannot be honoured here."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"'{field}' cannot be honoured: {why}", field=field)


class PromptTooLong(InvalidInput):
    """The prompt does not fit the context; both figures are tokens."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="messages", hint="shorten the prompt or use a model with a longer context")


class BadEntryName(InvalidInput):
    """A name that cannot be a folder of the repository."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' cannot name a model: use 1 to 128 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit",
            field="name",
        )


class ArchiveDamaged(InvalidInput):
    """What was given to `import` is no archive of an entry, or not whole, or would write where it must not."""

    def __init__(
        self, archive: str, why: str, *, hint: str = "make it again with 'modelyard export', or copy it again"
    ):
        super().__init__(f"{archive} cannot be imported: {why}", hint=hint)
        self.why = why


class BadCheckpoint(InvalidInput):
    """A checkpoint that cannot be converted."""


class ConfigMissing(BadCheckpoint):
    """The folder is not a Hugging Face checkpoint."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"no config.json in {folder}: this is not a Hugging Face checkpoint",
            hint="give the folder that holds config.json, the weights and the tokenizer",
        )


class UnknownArchitecture(BadCheckpoint):
    """No exporter knows this architecture."""

    def __init__(self, architecture: str, *, hint: str = "") -> None:
        super().__init__(f"the architecture '{architecture}' cannot be exported to OpenVINO", hint=hint)


class NoSuchRoute(BadCheckpoint):
    """No exporter makes an entry of this form and task for this target; names the targets that can be had."""

    def __init__(self, target: str, form: str, task: str, others: Sequence[str]) -> None:
        named = {
            "transformers": "a Hugging Face checkpoint",
            "diffusers": "a Diffusers pipeline",
            "gguf": "a GGUF file",
            "openvino": "OpenVINO IR",
            "onnx": "an ONNX model",
        }[form]
        super().__init__(
            f"{named} for {task} cannot be made into an entry for {target}",
            hint=f"it can for --target {' or '.join(others)}" if others else _OTHER_FORMS.get((form, task), ""),
        )


_OTHER_FORMS = {
    ("gguf", "feature-extraction"): "give the original checkpoint of this model",
    ("onnx", "text-generation"): "give the original checkpoint of this model, or a GGUF file of it",
}


class TaskUnknown(BadCheckpoint):
    """The files do not say what the model is for, or the task that was named is none."""

    def __init__(self, architecture: str, asked: str | None, tasks: Sequence[str]) -> None:
        message = (
            f"'{asked}' is no task"
            if asked
            else f"what a model of the architecture '{architecture}' is for is not known"
        )
        super().__init__(message, hint=f"name one with --task: {', '.join(tasks)}")


class WeightsDamaged(BadCheckpoint):
    """A weight file is missing, truncated or malformed."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"the weights in {file} cannot be read: {why}", hint="download or copy the checkpoint again")


class LoadRefused(BadCheckpoint):
    """The engine that is to serve a file does not load it, or dies of it; `why` is in the engine's own words."""

    def __init__(self, file: str, engine: str, architecture: str, why: str) -> None:
        super().__init__(
            f"{engine} does not run {file}, a model of the architecture '{architecture}': {why}",
            hint=f"download or copy the file again; if it is whole, the {engine} that is installed is too old for it",
        )


class BadAdapter(BadCheckpoint):
    """A LoRA adapter cannot be used."""

    def __init__(self, place: Path, why: str) -> None:
        super().__init__(
            f"the adapter {place} cannot be used: {why}",
            hint="give a folder with adapter_config.json and adapter_model.safetensors, as PEFT saves it",
        )


class TokenizerMissing(BadCheckpoint):
    """The checkpoint has no tokenizer that can be converted."""

    def __init__(self, folder: Path, why: str = "no tokenizer files were found") -> None:
        super().__init__(f"no usable tokenizer in {folder}: {why}", hint="add tokenizer.json of the checkpoint")


class ConversionRefused(BadCheckpoint):
    """Several reasons at once; `reasons` are errors of this tree."""

    def __init__(self, location: str, reasons: Sequence[ModelyardError]) -> None:
        listed = "".join(f"\n  - {reason}" for reason in reasons)
        hints = dict.fromkeys(reason.hint for reason in reasons if reason.hint)
        super().__init__(f"{location} cannot be converted, for {len(reasons)} reasons:{listed}", hint="; ".join(hints))
        self.reasons = tuple(reasons)


class Unauthorized(ModelyardError):
    """No key, or a wrong one. Never says which."""

    kind: ClassVar[Kind] = "unauthorized"

    def __init__(self) -> None:
        super().__init__("a valid API key is needed", hint="send it as 'Authorization: Bearer <key>'")


class NotAllowed(ModelyardError):
    """What was asked for is switched off here; `setting` is what switches it."""

    kind: ClassVar[Kind] = "forbidden"

    def __init__(self, what: str, setting: str) -> None:
        super().__init__(f"{what} is switched off on this gateway", hint=f"its operator can allow it by {setting}")


class EntryNotFound(ModelyardError):
    """No such model; names what is installed."""

    kind: ClassVar[Kind] = "not_found"

    def __init__(self, name: str, installed: Sequence[str]) -> None:
        listed = ", ".join(sorted(installed)) or "none"
        super().__init__(f"the model '{name}' does not exist; installed: {listed}")
        self.name = name


class ModelMissing(EntryNotFound):
    """The same where a person has typed the name, who can be told what to type next."""

    def __init__(self, name: str, installed: Sequence[str]) -> None:
        super().__init__(name, installed)
        self.hint = "bring one: modelyard pull HUB_ID, or modelyard convert FOLDER"


class EntryExists(ModelyardError):
    """Publishing would replace an entry that is there; `made` says how it came there: "made from org/model"."""

    kind: ClassVar[Kind] = "conflict"

    def __init__(self, name: str, made: str = "") -> None:
        super().__init__(
            f"the model '{name}' exists already" + (f", {made}" if made else ""),
            hint="pass --force to replace it, or --name for another",
        )


class FileExists(ModelyardError):
    """Writing would replace a file that is there."""

    kind: ClassVar[Kind] = "conflict"

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} exists already", hint="pass --force to replace it, or choose another name")


class EntryBusy(ModelyardError):
    """Another process is converting to the name, or copying, removing or exporting it."""

    kind: ClassVar[Kind] = "conflict"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the model '{name}' is being converted or changed by another process", hint="try again when it is done"
        )


class EntryInUse(ModelyardError):
    """A service has the model loaded, or may have: `silent` are the Tritons that did not answer when asked."""

    kind: ClassVar[Kind] = "conflict"

    def __init__(self, name: str, silent: Sequence[str] = ()) -> None:
        said = (
            f"a service is running and its Triton ({', '.join(silent)}) does not say whether '{name}' is loaded"
            if silent
            else f"the model '{name}' is loaded by a running service"
        )
        super().__init__(said, hint="stop the service first, or pass --force to unload the model and remove it")


class EntryDamaged(ModelyardError):
    """The files of an entry are not what its manifest says."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the model '{name}' is damaged: {why}",
            hint=f"'modelyard verify {name}' lists all that differs; convert it again to mend it",
        )


class NoRepository(ModelyardError):
    """The models are on another host, so their files cannot be changed from here."""

    kind: ClassVar[Kind] = "conflict"

    def __init__(self) -> None:
        super().__init__(
            "this gateway stands in front of Tritons elsewhere and has no folder of their models, so it can neither "
            "add nor remove one",
            hint="change them where the models are; or, if the folder is shared with this host, name it by "
            "MODELYARD_MODEL_REPOSITORY",
        )


class JobNotFound(ModelyardError):
    """No job has this id, or it ended too long ago."""

    kind: ClassVar[Kind] = "not_found"

    def __init__(self, job: str) -> None:
        super().__init__(f"there is no job '{job}'")


class ResponseNotFound(ModelyardError):
    """No response of this name is kept."""

    kind: ClassVar[Kind] = "not_found"

    def __init__(self, response_id: str) -> None:
        super().__init__(f"there is no response '{response_id[:64]}', or it is no longer kept")


class Overloaded(ModelyardError):
    """Too many requests are waiting; `retry_after_s` is a proposal in seconds."""

    kind: ClassVar[Kind] = "overloaded"

    def __init__(self, limit: int, retry_after_s: int = 1) -> None:
        super().__init__(f"{limit} requests are in progress or waiting already; try again shortly")
        self.retry_after_s = retry_after_s


class LoadQueueFull(Overloaded):
    """Too many requests wait for one model to be loaded."""

    def __init__(self, model: str, limit: int, retry_after_s: int = 5) -> None:
        ModelyardError.__init__(self, f"{limit} requests wait for the model '{model}' already, which is being loaded")
        self.retry_after_s = retry_after_s


class EngineError(ModelyardError):
    """Triton or a backend of it failed."""


class EngineUnavailable(EngineError):
    """No Triton can be reached, or it is restarting."""

    kind: ClassVar[Kind] = "unavailable"


class EngineOutOfMemory(EngineUnavailable):
    """A model did not fit the engine's memory when it was loaded."""


class NoRoom(EngineUnavailable):
    """A model cannot be loaded beside those that stay; `why` says what it lacks."""

    def __init__(self, model: str, why: str, loaded: Sequence[str]) -> None:
        super().__init__(
            f"there is no room for the model '{model}': {why}; in memory: {', '.join(sorted(loaded)) or 'none'}",
            hint="unload a model, wait until one is idle, or choose a smaller model or precision",
        )


class EngineTimeout(EngineError):
    """Triton did not answer in time."""

    kind: ClassVar[Kind] = "timeout"


class GenerationBroken(EngineError):
    """The engine went away in the middle of an answer."""

    kind: ClassVar[Kind] = "unavailable"

    def __init__(self) -> None:
        super().__init__("the engine stopped in the middle of the answer; it is being restarted, please try again")


class ConversionFailed(ModelyardError):
    """An exporter failed; the message carries its last words."""


class SourceUnavailable(ModelyardError):
    """A hub or a folder cannot be read."""

    kind: ClassVar[Kind] = "not_found"


class HostProblem(ModelyardError):
    """This machine cannot do it, for a reason that its owner can mend."""

    kind: ClassVar[Kind] = "host"


class PortTaken(HostProblem):
    """Another program listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is taken by another program",
            hint=f"stop it, or choose another port: modelyard serve --port {port + 1}",
        )


class SocketTaken(HostProblem):
    """Another program listens on the Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another program listens on {path} already", hint="stop it, or choose another path: MODELYARD_SOCKET"
        )


class GatewayMissing(HostProblem):
    """No gateway answers where one was looked for, or one that was started came to nothing."""


class LibraryMissing(HostProblem):
    """A shared library or a binary that the engine needs is not there."""


class EnvironmentMissing(HostProblem):
    """A Python environment (engine, convert) has not been made."""

    def __init__(self, role: str, looked_at: Path) -> None:
        super().__init__(
            f"the {role} environment is missing (looked at {looked_at})",
            hint=f"run 'make {role}-env', or set MODELYARD_{role.upper()}_PYTHON to an interpreter that has it",
        )


class NotEnoughMemory(HostProblem):
    """Both figures are bytes."""

    def __init__(self, what: str, needed: int, available: int, *, hint: str = "") -> None:
        super().__init__(
            f"{what} needs about {needed / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB are free",
            hint=hint or "stop other programs, or choose a smaller precision or model",
        )


class NotEnoughDisk(HostProblem):
    """Both figures are bytes. The hint is what would fit, where somebody knows."""

    def __init__(self, where: Path, needed: int, available: int, *, hint: str = "") -> None:
        super().__init__(
            f"{where} needs about {needed / 2**30:.1f} GiB of free disk, it has {available / 2**30:.1f} GiB",
            hint="; or ".join(filter(None, (hint, "free some space, or choose another folder"))),
        )


class GpuMissing(HostProblem):
    """The target needs an NVIDIA GPU, and neither the driver nor the user names one."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"{target} needs an NVIDIA GPU and there is none here",
            hint="to convert for another machine, name its GPUs: --gpus 24GB, or --gpus 2x80GB",
        )


class GpuTooSmall(HostProblem):
    """The GPUs cannot hold the model, or cannot compute with its numbers; the hint says which would."""
