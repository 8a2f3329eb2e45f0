"""What resources can be found by, and what a search asks of them.

A resource has *facts*: values of its properties, each under a name such as ``TrainingJobStatus`` or
``HyperParameters.eta``. What the facts of a resource are is told by its noun; the store keeps them in step with the
resource. The facts of its tags, ``Tags.<key>``, the store knows by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.arns import Scope

TAGS = "Tags."
"""What the names of tags' facts begin with."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one property: a text, a number, or a text that can be read as a number too.

    Facts of one element of a list share its ``position``, from 1 on. Values that are not in a list have position 0.
    """

    name: str
    text: str = ""
    number: float | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Texts:
    """The value is one of these texts; a text that can be read as a number counts where that is one of ``numbers``."""

    texts: frozenset[str]
    numbers: frozenset[float] = frozenset()


@dataclass(frozen=True, slots=True)
class Numbers:
    """The value is a number between two bounds, each inclusive unless it is ``open``; None is no bound."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Containing:
    """The value's text has ``text`` in it, in this case of letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Anything:
    """There is a value."""


Test = Texts | Numbers | Containing | Anything


@dataclass(frozen=True, slots=True)
class Has:
    """A fact of that name passes the test. ``listed``: its facts are in lists, and are not found by their values."""

    name: str
    test: Test
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the list ``name``, which has a fact of that name for each, satisfies all of the conditions."""

    name: str
    conditions: tuple[Has | Not, ...]


Condition = Has | Not | Every | Some | Element


@dataclass(frozen=True, slots=True)
class Search:
    """Which resources of one noun to find, in the order of the fact ``sort``; those without it come last.

    Numbers come before texts; resources with equal values come in the order in which they were stored, the whole
    of it backwards when ``descending``.
    """

    scope: Scope
    noun: str
    condition: Condition
    sort: str
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of one result in the order of a search; ``number`` and ``text`` are None where it has no value."""

    number: float | None
    text: str | None
    serial: int
