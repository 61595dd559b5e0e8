"""Triton's lines get their severity, and what is harmless is not called an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.engine.endings import TritonPortTaken, why_it_ended
from modelyard.engine.log_lines import LogLine, close_sink, open_sink, parse
from modelyard.errors import EngineUnavailable


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (
            'I1121 07:57:49.773497 10719 grpc_server.cc:2558] "Started GRPCInferenceService at 127.0.0.1:1"',
            LogLine("info", "Started GRPCInferenceService at 127.0.0.1:1", "grpc_server.cc:2558"),
        ),
        (
            "W1121 07:57:49.773497 10719 model.py:3] a warning",
            LogLine("warning", "a warning", "model.py:3"),
        ),
        (
            'E1121 07:57:48.008746 10719 server.cc:241] "CudaDriverHelper has not been initialized."',
            LogLine("debug", "CudaDriverHelper has not been initialized.", "server.cc:241"),
        ),
        ("Error: Failed to initialize NVML", LogLine("debug", "Error: Failed to initialize NVML")),
        ("I1121 07:57:49.765651 10719 server.cc:604] ", LogLine("debug", "", "server.cc:604")),
        ("| Model | Version | Status |", LogLine("debug", "| Model | Version | Status |")),
        ("a print of a model", LogLine("info", "a print of a model")),
        ("E1121 07:57:49.765651 1 x.cc:6] bad", LogLine("error", "bad", "x.cc:6")),
    ],
)
def test_a_line(line: str, parsed: LogLine) -> None:
    assert parse(line) == parsed


@pytest.mark.parametrize(
    "line",
    [
        'E1121 08:02:51.126696 11824 main.cc:245] "failed to start GRPC service: Unavailable - '
        "Socket '127.0.0.1:43537' already in use \"",
        "E1121 08:02:51.122859108   11824 chttp2_server.cc:1060]  UNKNOWN:No address added out of total 1 resolved for "
        "'127.0.0.1:43537' {children:[UNKNOWN:Address already in use {syscall:\"bind\", errno:98}]}",
    ],
)
def test_a_lost_port(line: str) -> None:
    error = why_it_ended(["I1121 07:57:49.773497 1 a.cc:1] x", line], 1)
    assert isinstance(error, TritonPortTaken)
    assert error.port == 43537


def test_another_end() -> None:
    error = why_it_ended(["I1121 07:57:49.7 1 a.cc:1] fine", "error: creating server: Internal - no", "+----+"], 1)
    assert isinstance(error, EngineUnavailable)
    assert "code 1 while it was starting: error: creating server: Internal - no" in str(error)


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    for text in ("one", "two"):
        sink = open_sink(tmp_path / "logs" / "triton.log")
        sink(LogLine("info", text, "a.cc:1"))
        close_sink(sink)
    assert (tmp_path / "logs" / "triton.log").read_text() == "info    a.cc:1: one\ninfo    a.cc:1: two\n"
