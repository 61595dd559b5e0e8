"""What is particular to Whisper: the tokens that steer it, and how true a converted one is.

Knows Whisper's special tokens; does not know how it is exported.
"""

from __future__ import annotations

import gc
import json
import math
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from converters import fidelity
from converters.mapped import trim_heap
from converters.precision import EXACT
from converters.source import Checkpoint
from modelyard import host
from modelyard.errors import BadCheckpoint
from modelyard.manifest import Fidelity

_LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")
_FIRST_MULTILINGUAL = 51_865  # words in the vocabulary; English-only models have one less
_FROM_CONFIG = ("suppress_tokens", "begin_suppress_tokens", "decoder_start_token_id", "eos_token_id", "pad_token_id")
_TOKENS = 160  # of a text that is read for the measure
_LIBRARIES = 2**30  # bytes that PyTorch and OpenVINO take besides the weights


def write_generation_config(checkpoint: Checkpoint, folder: Path) -> None:
    """The checkpoint's own, with the steering tokens that models of older days do not name. Raises BadCheckpoint."""
    config = checkpoint.read_json("generation_config.json")
    for name in _FROM_CONFIG:
        if config.get(name) is None and (value := checkpoint.config.get(name)) is not None:
            config[name] = value
    tokens = _added_tokens(checkpoint)
    config.setdefault("is_multilingual", int(checkpoint.config.get("vocab_size", 0)) >= _FIRST_MULTILINGUAL)
    for name, token in (("no_timestamps_token_id", "<|notimestamps|>"), ("prev_sot_token_id", "<|startofprev|>")):
        if config.get(name) is None and token in tokens:
            config[name] = tokens[token]
    if config["is_multilingual"]:
        if not config.get("lang_to_id"):
            config["lang_to_id"] = {token: number for token, number in tokens.items() if _LANGUAGE.fullmatch(token)}
        if not config.get("task_to_id"):
            names = [name for name in ("transcribe", "translate") if f"<|{name}|>" in tokens]
            config["task_to_id"] = {name: tokens[f"<|{name}|>"] for name in names}
        if not config["lang_to_id"] or not config["task_to_id"]:
            raise BadCheckpoint(
                f"{checkpoint.source.location} does not say which tokens choose the language and the task",
                hint="add the generation_config.json of the model that it was trained from",
            )
    (folder / "generation_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _added_tokens(checkpoint: Checkpoint) -> dict[str, int]:
    listed = checkpoint.read_json("tokenizer.json").get("added_tokens", [])
    found = {str(each["content"]): int(each["id"]) for each in listed}
    return found or {str(name): int(number) for name, number in checkpoint.read_json("added_tokens.json").items()}


def measure_whisper(checkpoint: Checkpoint, folder: Path, *, parameters: int) -> Fidelity:
    """The original in PyTorch and the IR hear the same sound and read the same text: what does each think comes next?

    The sound is a tone of ours and the text does not go with it. That is no matter here, since both are asked about
    the same; how well the model understands speech is not what is measured.
    """
    import numpy as np
    from transformers import WhisperFeatureExtractor, WhisperTokenizer

    tokenizer = WhisperTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    config = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    steer = [config["decoder_start_token_id"]]
    if config["is_multilingual"]:
        languages = config["lang_to_id"]
        steer += [languages.get("<|en|>", next(iter(languages.values()))), config["task_to_id"]["transcribe"]]
    text = tokenizer(fidelity.TEXT, add_special_tokens=False)["input_ids"]
    room = int(checkpoint.config.get("max_target_positions", 448)) - len(steer) - 1
    ids = np.array([[*steer, config["no_timestamps_token_id"], *text[: min(_TOKENS, room)]]], np.int64)
    features = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)(
        _tone(), sampling_rate=16_000, return_tensors="np"
    )["input_features"].astype(np.float32)

    exact = host.free_memory() > _LIBRARIES + 5.5 * parameters
    before = _original(checkpoint, features, ids, exact=exact)
    after = _converted(folder, features, ids)
    log_p, log_q = _log_softmax(before), _log_softmax(after)
    divergence = float((np.exp(log_p) * (log_p - log_q)).sum(-1).mean())
    if not math.isfinite(divergence):
        raise ValueError("one of the two gives no numbers")
    return Fidelity(
        agreement=round(float((before.argmax(-1) == after.argmax(-1)).mean()), 4),
        kl_divergence=round(max(0.0, divergence), 6),
        positions=int(ids.shape[1]),
        reference="float32" if exact else "bfloat16",
        tokenizer_agrees=_same_text(folder, tokenizer, text),
    )


def _tone() -> Any:
    """Five seconds of a voice-like sound: a low tone with overtones, its pitch and loudness never at rest."""
    import numpy as np

    time = np.arange(5 * 16_000) / 16_000
    turns = 2 * np.pi * (120 * time + 15 * np.sin(2 * np.pi * 0.7 * time))
    voice = sum(np.sin(turns * overtone) / overtone for overtone in range(1, 9))
    return (0.25 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def _original(checkpoint: Checkpoint, features: Any, ids: Any, *, exact: bool) -> Any:
    import torch
    from transformers import WhisperForConditionalGeneration

    kind = torch.float32 if exact else torch.bfloat16
    model = WhisperForConditionalGeneration.from_pretrained(
        checkpoint.folder, dtype=kind, local_files_only=True, low_cpu_mem_usage=True
    ).eval()
    with torch.inference_mode():
        heard = torch.from_numpy(features).to(kind)
        scores = model(heard, decoder_input_ids=torch.from_numpy(ids), use_cache=False).logits[0].float().numpy()
    del model
    gc.collect()
    return scores


def _converted(folder: Path, features: Any, ids: Any) -> Any:
    import numpy as np
    import openvino as ov

    core, hints = ov.Core(), {"PERFORMANCE_HINT": "LATENCY", **EXACT}
    encoder = core.compile_model(str(folder / "openvino_encoder_model.xml"), "CPU", hints)
    heard = encoder({"input_features": features})["last_hidden_state"].astype(np.float32)
    del encoder  # with its weights in 32 bits, before the decoder's
    trim_heap()
    decoder = core.compile_model(str(folder / "openvino_decoder_model.xml"), "CPU", hints)
    inputs = {
        "input_ids": ids,
        "decoder_input_ids": ids,
        "encoder_hidden_states": heard,
        "beam_idx": np.zeros(1, np.int32),
        "cache_position": np.arange(ids.shape[1], dtype=np.int64),
        "decoder_attention_mask": np.ones_like(ids),
    }
    names = {name for port in decoder.inputs for name in port.get_names()}
    result = decoder.create_infer_request().infer({name: value for name, value in inputs.items() if name in names})
    return result["logits"][0].astype(np.float32)


def _same_text(folder: Path, tokenizer: Any, ids: list[int]) -> bool:
    import numpy as np
    import openvino as ov

    import_module("openvino_tokenizers")  # adds its operations to OpenVINO
    detokenizer = ov.Core().compile_model(str(folder / "openvino_detokenizer.xml"), "CPU")
    (found,) = detokenizer(np.array([ids], np.int64))["string_output"]
    return bool(str(found) == tokenizer.decode(ids, skip_special_tokens=True))


def _log_softmax(scores: Any) -> Any:
    import numpy as np

    shifted = scores - scores.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
