"""Command-line options made from the fields of `Settings`, so that each is declared in one place only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import click

from emulator.settings import (
    ACCOUNT,
    ENV_PREFIX,
    LOG_LEVELS,
    QUOTAS,
    QUOTAS_WANTED,
    REGION,
    S3_URL,
    Durability,
    EngineChoice,
    Settings,
)

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Matching(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """Text that ``pattern`` matches as a whole; ``wanted`` completes "... is not"."""

    name = "text"

    def __init__(self, pattern: re.Pattern[str], wanted: str) -> None:
        self._pattern = pattern
        self._wanted = wanted

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._pattern.fullmatch(str(value)):
            self.fail(f"{value!r} is not {self._wanted}.", param, ctx)
        return str(value)


class Directory(click.Path):
    """A directory, there or not; ``~`` and relative paths are resolved, so that it means the same everywhere."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        found = super().convert(Path(value).expanduser().absolute(), param, ctx)
        return Path(str(found))


_TYPES: dict[str, Any] = {
    "port": click.IntRange(0, 65535),
    "data_dir": Directory(),
    "durability": click.Choice(get_args(Durability)),
    "engine": click.Choice(get_args(EngineChoice)),
    "region": Matching(REGION, "a region (like eu-central-1)"),
    "account": Matching(ACCOUNT, "an account id (twelve digits)"),
    "quotas": Matching(QUOTAS, QUOTAS_WANTED),
    "s3_endpoint_url": Matching(S3_URL, "the URL of a server (like http://localhost:9000)"),
    "log_level": click.Choice(LOG_LEVELS),
}


def settings_options(*names: str) -> Callable[[_Function], _Function]:
    """A decorator that adds the options of the settings ``names``, or of all when none is named.

    Each can be given in the environment as well, as ``SAGEMAKER_EMULATOR_<NAME>``.
    """
    chosen = [field for field in fields(Settings) if not names or field.name in names]

    def decorate(function: _Function) -> _Function:
        for field in reversed(chosen):
            function = _option(field)(function)
        return function

    return decorate


def arguments(settings: Settings) -> list[str]:
    """The command-line arguments that mean ``settings``."""
    found = []
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool):
            found += [_flag(field) if value else _flag(field).replace("--", "--no-", 1)]
        else:
            found += [f"{_flag(field)}={value}"]
    return found


def _option(field: Field[Any]) -> Callable[[_Function], _Function]:
    flag, is_bool = _flag(field), get_type_hints(Settings)[field.name] is bool
    return click.option(
        f"{flag}/{flag.replace('--', '--no-', 1)}" if is_bool else flag,
        field.name,
        type=_TYPES.get(field.name),
        default=_default(field),
        envvar=ENV_PREFIX + field.name.upper(),
        show_default=True,
        show_envvar=True,
        help=field.metadata["help"],
    )


def _flag(field: Field[Any]) -> str:
    return "--" + field.name.replace("_", "-")


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
