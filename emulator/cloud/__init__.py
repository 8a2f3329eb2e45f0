"""The rest of AWS: the only package that imports moto, and only when it is first used."""

from emulator.cloud.cloud import Cloud

__all__ = ["Cloud"]
