"""Snapshots: the whole state of an emulator as one file, written while it runs, and read into a data directory."""

from emulator.snapshot.archive import Archive, of_directory, of_running
from emulator.snapshot.loading import load
from emulator.snapshot.manifest import Manifest, SnapshotError
from emulator.snapshot.writing import write

__all__ = ["Archive", "Manifest", "SnapshotError", "load", "of_directory", "of_running", "write"]
