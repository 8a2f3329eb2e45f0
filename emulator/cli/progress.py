"""How far something long is, on a terminal; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click

_PAUSE = 0.2


class Progress:
    """A context in which one line of stderr tells how many bytes have been ``done`` (a word, such as Saved)."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._shown = sys.stderr.isatty()
        self._last = time.monotonic()

    def at(self, size: int) -> None:
        """``size`` bytes have been done."""
        now = time.monotonic()
        if self._shown and now - self._last >= _PAUSE:
            self._last = now
            click.echo(f"\r\033[K{self._done} {size / 1e6:.0f} MB", nl=False, err=True, color=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True, color=True)
