"""Loads what a conversion needs, for processes that are forked from one that has it.

Imports only; starts no threads, which would not survive a fork.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import nncf  # noqa: E402, F401
import openvino_tokenizers  # noqa: E402, F401
import optimum.exporters.openvino.model_configs  # noqa: E402
import optimum.intel.openvino  # noqa: E402, F401
import torch  # noqa: E402, F401
import transformers.models.qwen2.modeling_qwen2  # noqa: E402, F401
