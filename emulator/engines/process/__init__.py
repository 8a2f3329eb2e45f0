"""The process engine: first-party programs as processes of this machine, for where there is no Docker."""

from emulator.engines.process.engine import ProcessEngine

__all__ = ["ProcessEngine"]
