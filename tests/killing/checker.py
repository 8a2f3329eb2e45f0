"""Whether what S3 shows is what its clients were promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.killing.journal import Change, Journal, Key, State, Upload, Version, arranged


@dataclass
class Seen:
    """What S3 shows while nobody changes it.

    ``states`` are the keys that were read, ``listed`` every current object with its ETag and size, ``uploads`` every
    open upload with its key and the ETags of its parts.
    """

    states: dict[Key, State] = field(default_factory=dict)
    listed: dict[Key, tuple[str, int]] = field(default_factory=dict)
    uploads: dict[str, tuple[Key, dict[int, str]]] = field(default_factory=dict)


def faults(journal: Journal, seen: Seen) -> list[str]:
    """What should not be, in words; nothing when every promise was kept."""
    states = (_state_faults(journal, seen, key, state) for key, state in seen.states.items())
    return [*(fault for found in states for fault in found), *_listing_faults(journal, seen), *_uploads(journal, seen)]


def strays(journal: Journal, seen: Seen) -> dict[str, Key]:
    """The uploads that were asked for and whose ids nobody was told, by id."""
    return {id: key for id, (key, _) in seen.uploads.items() if id not in journal.uploads and key in journal.starting}


def settle(journal: Journal, seen: Seen) -> None:
    """Take what was seen for what is: from now on nothing else may be."""
    for key, state in seen.states.items():
        journal.settle(key, state)
    for upload in list(journal.uploads.values()):
        if upload.id not in seen.uploads:
            del journal.uploads[upload.id]
        else:
            upload.sure, upload.ending = set(seen.uploads[upload.id][1]), False
    journal.starting.clear()


def _state_faults(journal: Journal, seen: Seen, key: Key, state: State) -> Iterator[str]:
    possible = journal.possible(key)
    fitting = [change for change in possible if arranged(change.after, state) is not None]
    if not fitting:
        expected = " or ".join(_told(change.after) for change in possible)
        yield f"{key.bucket}/{key.name} is {_told(state)}, and should be {expected}"
    elif not any(_agrees(change, possible, seen) for change in fitting):
        yield f"{key.bucket}/{key.name} and its upload do not agree on whether that was completed"


def _agrees(last: Change, possible: list[Change], seen: Seen) -> bool:
    """Whether each upload whose end was not acknowledged is either open or what made the last change."""
    open_ends = [change for change in possible if change.upload is not None and not change.acknowledged]
    return all((change.upload in seen.uploads) != (change is last) for change in open_ends)


def _listing_faults(journal: Journal, seen: Seen) -> Iterator[str]:
    known = journal.every_key()
    for key in seen.listed.keys() - known:
        yield f"{key.bucket}/{key.name} is listed, and nobody wrote it"
    for key in known:
        states = [seen.states[key]] if key in seen.states else [change.after for change in journal.possible(key)]
        if not any(_is_listed_so(state, seen.listed.get(key)) for state in states):
            yield f"{key.bucket}/{key.name} is listed as {seen.listed.get(key)}, and is {_told(states[0])}"


def _is_listed_so(state: State, listed: tuple[str, int] | None) -> bool:
    content = state[0].content if state else None
    if content is None or listed is None:
        return content is None and listed is None
    return listed[0] in content.etags and listed[1] == content.size


def _uploads(journal: Journal, seen: Seen) -> Iterator[str]:
    unknown = seen.uploads.keys() - journal.uploads.keys() - strays(journal, seen).keys()
    for id in unknown:
        yield f"the upload {id} of {seen.uploads[id][0]} is open, and should not be"
    for upload in journal.uploads.values():
        if upload.id in seen.uploads:
            yield from _part_faults(upload, seen.uploads[upload.id][1])
        elif not upload.ending:
            yield f"the upload {upload.id} of {upload.key} is lost"


def _part_faults(upload: Upload, parts: dict[int, str]) -> Iterator[str]:
    for number in upload.sure - parts.keys():
        yield f"part {number} of the upload {upload.id} of {upload.key} is lost"
    for number, etag in parts.items():
        if etag != upload.etags.get(number):
            yield f"part {number} of the upload {upload.id} of {upload.key} is not what was sent"


def _told(state: State) -> str:
    return f"[{', '.join(map(_told_version, state))}]" if state else "absent"


def _told_version(version: Version) -> str:
    content = version.content
    if content is None:
        return "a delete marker"
    return f"write {content.write} ({content.size} bytes, sha256 {content.sha256[:8]}, tags {sorted(content.tags)})"
