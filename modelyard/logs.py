"""How log lines look: one event with fields, for people or as JSON, on stderr.

Knows structlog and the standard library's logging; decides nothing about what is logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.types import Processor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str = "info", style: Literal["text", "json"] = "text") -> None:
    """Set up logging for this process; our lines and those of libraries come out in the same form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        # Plain tracebacks: the pretty ones print local variables, and with them prompts and keys.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=32, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    # Libraries speak from `warning` on unless everything is asked for.
    logging.basicConfig(
        handlers=[handler], level=logging.DEBUG if level == "debug" else max(LEVELS[level], logging.WARNING), force=True
    )
    for noisy in ("asyncio", "grpc", "hpack", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
