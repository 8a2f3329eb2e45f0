from __future__ import annotations

from typing import Any

from emulator.engines.port import EngineError, Owned
from emulator.engines.reaper import reap


class Crowd:
    """An engine with three containers, one of which cannot be removed."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def owned(self) -> list[Owned]:
        return [Owned(name, {"name": name}, {}, running=True) for name in ("alive", "stubborn", "orphan")]

    def remove(self, handle: Any) -> None:
        if handle["name"] == "stubborn":
            raise EngineError("no")
        self.removed.append(handle["name"])


def test_only_orphans_go_and_a_stubborn_one_does_not_keep_the_others() -> None:
    crowd = Crowd()
    assert reap(crowd, lambda owned: owned.name == "alive") == ["orphan"]  # type: ignore[arg-type]
    assert crowd.removed == ["orphan"]
