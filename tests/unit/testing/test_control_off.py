"""An emulator that was not started with control."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import Control, ControlError


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(Settings(port=0, ephemeral=True, engine="process")) as running:
        yield running


@pytest.mark.parametrize(
    "use",
    [
        lambda control: control.rules(),
        lambda control: control.throttle(),
        lambda control: control.shift_clock(60),
        lambda control: control.remove("1"),
        lambda control: control.clear(),
    ],
    ids=["list", "add", "clock", "remove", "clear"],
)
def test_nothing_can_be_broken_and_the_answer_says_how_to_allow_it(
    emulator: Emulator, use: Callable[[Control], object]
) -> None:
    with pytest.raises(ControlError, match="up --control`, or with SAGEMAKER_EMULATOR_CONTROL=1"):
        use(Control(emulator.url))
