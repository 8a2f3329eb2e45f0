"""Amazon SageMaker on your own machine: really trains, really serves.

with Emulator(Settings(port=0, ephemeral=True)) as emulator:
    sagemaker = emulator.client("sagemaker")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.version import __version__

if TYPE_CHECKING:
    from emulator.app import Emulator
    from emulator.settings import Settings

__all__ = ["Emulator", "Settings", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line's quick answers need none of the emulator.
    if name == "Emulator":
        from emulator.app import Emulator

        return Emulator
    if name == "Settings":
        from emulator.settings import Settings

        return Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
