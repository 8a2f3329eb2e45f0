"""The Docker engine. Importing this package imports docker-py; `emulator.engines.choose` does it only when used."""

from emulator.engines.docker.engine import DockerEngine

__all__ = ["DockerEngine"]
