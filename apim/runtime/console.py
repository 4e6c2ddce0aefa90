"""What the person at the terminal sees: one prefixed, coloured line per event or line of output."""

import os
import sys
from itertools import count
from typing import TextIO

# ANSI foreground colours that stay readable on black and on white.
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94, 31)
BOLD, RED, RESET = "\033[1m", "\033[31m", "\033[0m"
NAME_WIDTH = 14


class Console:
    """Writes to `out`; colours only on a terminal and without NO_COLOR (https://no-color.org)."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._coloured = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._colours: dict[str, int] = {}
        self._next = count()

    def output(self, name: str, line: str) -> None:
        """Show one line that a process has written."""
        self._write(f"{self._prefix(name)} | {line}")

    def event(self, name: str, text: str) -> None:
        """Say what happened to a process."""
        self._write(f"{self._prefix(name)} * {text}")

    def say(self, text: str = "") -> None:
        self._write(f"{BOLD}{text}{RESET}" if self._coloured and text else text)

    def problem(self, text: str) -> None:
        self._write(f"{RED}{text}{RESET}" if self._coloured else text)

    def _prefix(self, name: str) -> str:
        padded = name.ljust(NAME_WIDTH)
        if not self._coloured:
            return padded
        colour = self._colours.setdefault(name, COLOURS[next(self._next) % len(COLOURS)])
        return f"\033[{colour}m{padded}{RESET}"

    def _write(self, text: str) -> None:
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):  # the terminal or pipe is gone; the log files remain
            return
