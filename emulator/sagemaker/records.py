"""Nouns without a life: what Create stored, Describe and List show and Delete removes. One table row a noun."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator import arns
from emulator.arns import Scope
from emulator.aws.wire import Call, Handler
from emulator.errors import ValidationException
from emulator.sagemaker import tagging
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.platform import Platform
from emulator.state.store import AlreadyExists, Key, Resource


@dataclass(frozen=True, slots=True)
class Record:
    """One such noun. ``word`` is its name in operations and members, ``title`` the one in messages."""

    noun: str
    word: str
    title: str
    member: str
    """The result member of its List operation."""
    check: Callable[[Platform, Call], None]
    defaults: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    """What Describe shows of a request beyond what was sent: the defaults that the service fills in."""

    @property
    def name_member(self) -> str:
        return f"{self.word}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.word}Arn"

    def find(self, platform: Platform, scope: Scope, name: str) -> Resource:
        """The resource of that name. Raises ValidationException in the service's words."""
        resource = platform.store.get(Key(scope, self.noun, name))
        if resource is None:
            arn = arns.sagemaker(scope, self.noun, name)
            raise ValidationException(f'Could not find {self.title} "{arn}".')
        return resource

    def operations(self, platform: Platform) -> dict[str, Handler]:
        """The handlers of Create, Describe, List and Delete."""
        listing = Listing(self.noun, self.member, self._summary)

        def create(call: Call) -> Mapping[str, Any]:
            return self._create(platform, call)

        def describe(call: Call) -> Mapping[str, Any]:
            found = self.find(platform, call.scope, call.input[self.name_member])
            return {**found.request, **self.defaults(found.request), **self._summary(found)}

        def delete(call: Call) -> None:
            platform.store.delete(self.find(platform, call.scope, call.input[self.name_member]).key)

        return {
            f"Create{self.word}": create,
            f"Describe{self.word}": describe,
            f"Delete{self.word}": delete,
            f"List{self.word}s": lambda call: listing.page(platform.store, call.scope, call.input),
        }

    def _create(self, platform: Platform, call: Call) -> Mapping[str, Any]:
        name, at = call.input[self.name_member], platform.clock.now()
        key = Key(call.scope, self.noun, name)
        if (existing := platform.store.get(key)) is not None:
            raise self._duplicate(existing.arn)
        self.check(platform, call)
        resource = Resource(
            key=key,
            uid=uuid.uuid4().hex,
            arn=arns.sagemaker(call.scope, self.noun, name),
            status="",
            created_at=at,
            modified_at=at,
            request={member: value for member, value in call.input.items() if member != "Tags"},
        )
        try:
            platform.store.insert(resource, tags=tagging.from_request(call.input.get("Tags", ())))
        except AlreadyExists as taken:
            raise self._duplicate(str(taken.args[0])) from None
        return {self.arn_member: resource.arn}

    def _duplicate(self, arn: str) -> ValidationException:
        return ValidationException(f'Cannot create already existing {self.title} "{arn}".')

    def _summary(self, resource: Resource) -> dict[str, Any]:
        return {
            self.name_member: resource.key.name,
            self.arn_member: resource.arn,
            "CreationTime": resource.created_at,
        }
