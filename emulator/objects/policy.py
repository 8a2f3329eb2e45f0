"""Whether the policy of a form allows what the form asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.objects.form import Form
from emulator.objects.policy_document import SIZE, Condition, Document, read_policy
from emulator.objects.wire_error import AccessDenied, EntityTooLarge, EntityTooSmall

_FREE = {"policy", "x-amz-signature", "awsaccesskeyid", "signature", "file"}
"""The fields that no condition needs to name, besides those that begin with ``x-ignore-``."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes a policy lets the file have; ``largest`` None is no limit of its own."""

    smallest: int = 0
    largest: int | None = None

    def check(self, size: int) -> None:
        """Raises `EntityTooLarge` or `EntityTooSmall` for a file of ``size`` bytes."""
        if self.largest is not None and size > self.largest:
            raise EntityTooLarge(elements={"ProposedSize": str(size), "MaxSizeAllowed": str(self.largest)})
        if size < self.smallest:
            raise EntityTooSmall(elements={"ProposedSize": str(size), "MinSizeAllowed": str(self.smallest)})


def check_policy(form: Form, bucket: str, now: float) -> Limits:
    """Refuse a form that its policy does not allow to upload to ``bucket`` at ``now``, in seconds since the epoch.

    Returns what the file's size must be within, which is known when it is read. Raises `InvalidPolicyDocument` and
    `AccessDenied`; in which order S3 looks at the conditions and at fields without one is unverified.
    """
    document = read_policy(form.fields["policy"])
    if now > document.expiration:
        raise AccessDenied("Invalid according to Policy: Policy expired.")
    values = form.fields | {"bucket": bucket}
    for condition in document.conditions:
        if condition.operation != SIZE and not _holds(condition, values):
            raise _failed(condition)
    _check_covered(form, document)
    return _limits(document)


def _holds(condition: Condition, values: dict[str, str]) -> bool:
    """Whether a condition holds. At S3 none does on a field that is not there, not even one that allows anything."""
    name, wanted = condition.arguments
    value = values.get(name[1:].lower())
    if not name.startswith("$") or value is None:
        return False
    if condition.operation == "eq":
        return bool(value == wanted)
    several = re.split(r"\s*,\s*", value) if name.lower() == "$content-type" else [value]
    return all(one.startswith(wanted) for one in several)


def _check_covered(form: Form, document: Document) -> None:
    tests = [condition for condition in document.conditions if condition.operation != SIZE]
    named = {condition.arguments[0][1:].lower() for condition in tests}
    extra = [name for name in form.fields if name not in named | _FREE and not name.startswith("x-ignore-")]
    if extra:
        names = ", ".join(form.spelling[name] for name in extra)
        raise AccessDenied(f"Invalid according to Policy: Extra input fields: {names}")


def _limits(document: Document) -> Limits:
    smallest, largest = [0], []
    for condition in document.conditions:
        if condition.operation == SIZE:
            low, high = (_size(condition, argument) for argument in condition.arguments)
            smallest.append(low)
            largest.append(high)
    return Limits(max(smallest), min(largest, default=None))


def _size(condition: Condition, argument: int | str) -> int:
    if isinstance(argument, str) and not re.fullmatch("[0-9]{1,19}", argument):
        raise _failed(condition)
    return int(argument)


def _failed(condition: Condition) -> AccessDenied:
    return AccessDenied(f"Invalid according to Policy: Policy Condition failed: {condition}")
