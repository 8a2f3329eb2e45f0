"""AddTags, ListTags and DeleteTags, for every resource that has an ARN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator import arns
from emulator.aws.wire import Call, Handler
from emulator.errors import ResourceLimitExceeded, ValidationException
from emulator.sagemaker.platform import Platform

_MOST = 50


def from_request(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """A request's tag list as a mapping; a later tag of one key wins. Keys that AWS keeps for itself are refused."""
    found = {tag["Key"]: tag["Value"] for tag in tags}
    if any(key.lower().startswith("aws:") for key in found):
        raise ValidationException("aws: prefixed tag key names are not allowed for external use.")
    return found


def to_reply(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the wire lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def operations(platform: Platform) -> dict[str, Handler]:
    """The handlers of the tag operations."""
    store = platform.store

    def require(call: Call) -> dict[str, str]:
        arn: str = call.input["ResourceArn"]
        tags = store.tags(arn) if arns.is_within(arn, call.scope) else None
        if tags is None:
            raise ValidationException("Requested resource not found.")
        return tags

    def add(call: Call) -> Mapping[str, Any]:
        arn, added = call.input["ResourceArn"], from_request(call.input["Tags"])
        merged = require(call) | added
        if len(merged) > _MOST:
            raise ResourceLimitExceeded(f"A resource can have at most {_MOST} tags; {arn} would have {len(merged)}.")
        store.tag(arn, added)
        return {"Tags": to_reply(merged)}

    def list_(call: Call) -> Mapping[str, Any]:
        # A resource has at most 50 tags and the smallest page is 50: one page always holds them all.
        return {"Tags": to_reply(require(call))}

    def delete(call: Call) -> None:
        require(call)
        store.untag(call.input["ResourceArn"], call.input["TagKeys"])

    return {"AddTags": add, "ListTags": list_, "DeleteTags": delete}
