"""Logs on stderr: lines for a person or JSON for a collector. What is said within a request carries its id.

Use `structlog.get_logger("loadlens.…")` with keywords, or the logging module; both end up here. Bodies, headers and
secrets are never logged; as a last guard, a keyword that is named like a secret is masked.
"""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET = frozenset({"authorization", "cookie", "key", "password", "secret", "token"})


def set_up_logs(form: Literal["console", "json"], level: str) -> None:
    """Send every log of the process through one renderer, from `level` upwards."""
    marks: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *marks, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=marks,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderer(form)],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx2", "httpcore2"):  # they tell the address of every webhook, which may be its secret
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _renderer(form: Literal["console", "json"]) -> list[Processor]:
    # Plain tracebacks: a richer one would show local variables, and with them secrets.
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name in event.keys() & _SECRET:
        event[name] = "********"
    return event
