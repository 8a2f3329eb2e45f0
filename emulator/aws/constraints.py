"""What the model demands of a value, and AWS's words for a value that breaks it.

The message format follows texts of the real service, for example aws/sagemaker-python-sdk issues 314 and 384:
``2 validation errors detected: Value 'x' at 'trainingJobName' failed to satisfy constraint: Member must ...; ...``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.aws.model import Shape

_SHOWN = 2_000
"""Characters of a refused value that a message repeats. AWS repeats all of it; a client's log should survive ours."""

_PATIENCE = 0.25
"""Seconds that one pattern may take on one value."""

_SHORT = 16
"""Characters up to which a match never takes long enough to be worth releasing the interpreter lock."""

_NESTED_REPEAT = re.compile(r"[+*}][^(]*\)(?:[+*]|\{)")
"""A group that is repeated and repeats something inside."""

FullMatch = Callable[[str], Any]

Rule = tuple[str, Callable[[Any], bool]]
"""A demand in AWS's words, and whether a value meets it."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """Everything one shape demands of its values."""

    rules: tuple[Rule, ...]

    @property
    def demands(self) -> list[str]:
        """All demands in words, met or not: AWS repeats them all for elements of a list or map."""
        return [words for words, _ in self.rules]

    def broken(self, value: Any) -> list[str]:
        """The demands that ``value`` does not meet."""
        return [words for words, met in self.rules if not met(value)]


def constraint(shape: Shape) -> Constraint | None:
    """The demands of ``shape``, or None when any value of its type will do."""
    numeric = shape["type"] in ("integer", "long", "float", "double")
    rules = [*(_range(shape) if numeric else _length(shape)), *_pattern(shape), *_enum(shape)]
    return Constraint(tuple(rules)) if rules else None


def _range(shape: Shape) -> list[Rule]:
    rules: list[Rule] = []
    if (least := shape.get("min")) is not None:
        rules.append((f"Member must have value greater than or equal to {least}", lambda value: value >= least))
    if (most := shape.get("max")) is not None:
        rules.append((f"Member must have value less than or equal to {most}", lambda value: value <= most))
    return rules


def _length(shape: Shape) -> list[Rule]:
    rules: list[Rule] = []
    if (most := shape.get("max")) is not None:
        rules.append((f"Member must have length less than or equal to {most}", lambda value: len(value) <= most))
    if (least := shape.get("min")) is not None:
        rules.append((f"Member must have length greater than or equal to {least}", lambda value: len(value) >= least))
    return rules


def _pattern(shape: Shape) -> list[Rule]:
    pattern = shape.get("pattern")
    full_match = compile_pattern(pattern) if pattern is not None else None
    if full_match is None:
        return []
    return [(f"Member must satisfy regular expression pattern: {pattern}", lambda value: full_match(value) is not None)]


def _enum(shape: Shape) -> list[Rule]:
    if "enum" not in shape:
        return []
    values = frozenset(shape["enum"])
    return [(f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]", values.__contains__)]


def compile_pattern(pattern: str) -> FullMatch | None:
    """The whole-value matcher of a Java pattern; None when neither ``re`` nor ``regex`` can read it.

    Java's ``\\d``, ``\\w``, ``\\s`` and POSIX classes mean ASCII, hence the flag. A pattern that ``re`` compiles
    only with a FutureWarning uses syntax, such as nested sets, that it would read differently from Java.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            full_match = re.compile(pattern, re.ASCII).fullmatch
        except (re.error, FutureWarning):
            return _compile_with_regex(pattern)
    return _compile_with_limit(pattern) if _NESTED_REPEAT.search(pattern) else full_match


def _compile_with_regex(pattern: str) -> FullMatch | None:
    import regex  # 1.7 MB resident, so only once a pattern needs it

    # Under its ASCII flag ``regex`` restricts \p{L} and the other general categories too, and Java does not.
    unicode = re.search(r"\\p\{[LMNPSZC]\}", pattern) is not None
    try:
        return regex.compile(pattern, regex.V1 | (regex.UNICODE if unicode else regex.ASCII)).fullmatch
    except regex.error:
        return None


def _compile_with_limit(pattern: str) -> FullMatch:
    """A matcher that gives up, and so refuses, after `_PATIENCE`, without holding up other threads.

    A repeat inside a repeat can take exponential time on a value that does not match: a space in the URL of
    CreateCodeRepository would keep ``re`` busy for years. A value that does match is found at once.
    """
    import regex

    compiled = regex.compile(pattern, regex.V0 | regex.ASCII)

    def full_match(value: str) -> Any:
        try:
            return compiled.fullmatch(value, timeout=_PATIENCE, concurrent=len(value) > _SHORT)
        except TimeoutError:
            return None

    return full_match


def problem(path: str, value: Any, demand: str, *, secret: bool = False) -> str:
    """One broken demand in AWS's words; a secret value is not repeated."""
    shown = "Value" if secret else f"Value '{_shorten(_java(value))}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {demand}"


def null_problem(path: str) -> str:
    """A required member that is not there, in AWS's words."""
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def summary(problems: Sequence[str]) -> str:
    """The message of a reply that refuses a request for ``problems``."""
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _java(value: Any) -> str:
    """``value`` as Java's ``toString`` prints it, which is what AWS's messages contain."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(map(_java, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
        case bytes():
            return f"{len(value)} bytes"
    return str(value)
