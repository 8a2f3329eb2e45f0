"""Compiles shapes into functions, each once and only when asked: all of SageMaker at once takes 0.3 s."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from emulator.aws.model import Model

Function = TypeVar("Function")


class Compiler(ABC, Generic[Function]):
    """A memo of one function for each shape name; safe to use from many threads and for shapes that nest themselves."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._done: dict[str, Function] = {}
        self._open: set[str] = set()
        self._lock = threading.RLock()

    def of(self, name: str) -> Function:
        """The function of shape ``name``, compiled now if it never was."""
        done = self._done.get(name)
        return self._compile(name) if done is None else done

    def _compile(self, name: str) -> Function:
        with self._lock:
            if name in self._done:
                return self._done[name]
            if name in self._open:
                return self._later(name)
            self._open.add(name)
            try:
                self._done[name] = self._build(name)
            finally:
                self._open.discard(name)
            return self._done[name]

    @abstractmethod
    def _build(self, name: str) -> Function:
        """Compile shape ``name``, asking `of` for the shapes inside it."""

    @abstractmethod
    def _later(self, name: str) -> Function:
        """A function that looks shape ``name`` up when it is called: ``name`` contains itself."""
