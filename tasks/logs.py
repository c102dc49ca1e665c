"""Bring the library's log lines into the log of the Prefect run."""

import functools
import logging

from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging.handlers import APILogHandler


class _RunLogHandler(APILogHandler):
    """Sends what is logged inside a run; Prefect would warn about the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        if TaskRunContext.get() is not None or FlowRunContext.get() is not None:
            super().emit(record)


@functools.cache
def forward_logs() -> None:
    """Send the library's log to the run and to the terminal; once in a process."""
    logger = logging.getLogger("tunesmith")
    # Prefect's setting for extra loggers adds handlers but leaves the level at WARNING.
    logger.setLevel(logging.INFO)
    logger.addHandler(_RunLogHandler())
    root = logging.getLogger()
    if not any(isinstance(handler, logging.StreamHandler) for handler in root.handlers):
        console = logging.StreamHandler()
        console.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        logger.addHandler(console)
