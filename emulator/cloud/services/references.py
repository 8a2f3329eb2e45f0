"""References of one unit to another, as pickles name them, and where another service's object is held.

The first three functions are only names: `pickles` answers them when it loads. Rows name them, so they stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from emulator.cloud.services.place import Place, package_of


def unit(*_place: str) -> NoReturn:
    """A backend or an entry of a shelf."""
    raise NotImplementedError


def backends(_service: str, _account: str | None) -> NoReturn:
    """The backends of a service, or of one account."""
    raise NotImplementedError


def held(_place: Place, _steps: tuple[Any, ...]) -> NoReturn:
    """Something that a backend holds in an attribute."""
    raise NotImplementedError


def locate(obj: Any) -> tuple[tuple[str, str, str, str], tuple[Any, ...]] | None:
    """Where a backend of the service that ``obj`` belongs to holds it; None when none does.

    Objects that two services share, such as a CloudFormation stack's resources, stay shared by this.
    """
    import moto.backends

    service = package_of(type(obj))
    for account, region, backend in list(moto.backends.get_backend(service).iter_backends()):  # type: ignore[call-overload]
        for name, value in list(vars(backend).items()):
            for steps in _steps(value, obj):
                return (service, account, region, ""), (name, *steps)
    return None


def follow(backend: Any, steps: tuple[Any, ...]) -> Any:
    """What `locate` found; None when it is no longer there."""
    name, *keys = steps
    value = vars(backend).get(name)
    for key in keys:
        value = dict.get(value, key) if isinstance(value, dict) else None
    return value


def _steps(value: Any, obj: Any, deep: int = 2) -> Iterator[tuple[Any, ...]]:
    """The keys that lead from an attribute's value to ``obj``."""
    if value is obj:
        yield ()
    if isinstance(value, dict) and deep:
        for key, item in list(dict.items(value)):
            for steps in _steps(item, obj, deep - 1):
                yield (key, *steps)
