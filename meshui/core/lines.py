"""One line of the log for each record, whatever is in it: names and errors come from outside too."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TypeAlias

_Raised: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_BREAKS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPED = {code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}" for code in _BREAKS}
_WITHIN = {code: text for code, text in _ESCAPED.items() if chr(code) != "\n"}


class OneLine(logging.Formatter):
    """Control characters are escaped, so that nobody can forge a line or steer a terminal; of a traceback every line
    is indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).translate(_ESCAPED)

    def formatException(self, ei: _Raised) -> str:
        return "  " + super().formatException(ei).translate(_WITHIN).replace("\n", "\n  ")
