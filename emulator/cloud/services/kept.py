"""Which of moto's services survive the end of the process, by moto's names for them."""

from __future__ import annotations

import pkgutil

import moto

KEPT = frozenset(m.name for m in pkgutil.iter_modules(moto.__path__)) - {"s3"}
