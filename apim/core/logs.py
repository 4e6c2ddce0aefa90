"""Log lines: text first, then the request id."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


class KeyValueFormatter(logging.Formatter):
    """Appends `request_id=…` to lines written while a request is served."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        current = request_id.get()
        return f"{line} request_id={current}" if current else line
