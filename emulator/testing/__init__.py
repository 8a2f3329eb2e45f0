"""For the tests of your own code: makes a running emulator fail on purpose."""

from emulator.testing.control import Control, ControlError

__all__ = ["Control", "ControlError"]
