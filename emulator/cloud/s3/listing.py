"""ListObjects and ListObjectsV2 from the index of keys, written as XML at once.

moto looks at every key for each page and needs some 400 ms to serialize a thousand of them; pages here cost what is
on them. A continuation token is the last name of its page, so that it outlives a restart.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from moto.s3 import models
from moto.s3.exceptions import InvalidContinuationToken, MethodNotAllowed, NotAnIntegerException
from moto.s3.models import FakeBucket, FakeKey
from moto.s3.responses import S3Response
from moto.settings import get_s3_default_max_keys

from emulator.cloud.s3.keys import IndexedKeys

_OWNER = f"<Owner><ID>{models.OWNER}</ID><DisplayName>webfile</DisplayName></Owner>"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
_MOST = 1000
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")
"""Names that are the same in XML, and encoded for a URL."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows: objects, and common prefixes, by name. ``last`` is its last entry where more follow."""

    keys: list[FakeKey]
    prefixes: list[str]
    last: str | None


def install() -> None:
    """Give every new bucket an index, and answer lists from it."""
    models._VersionedKeyStore = IndexedKeys  # type: ignore[attr-defined,assignment]
    S3Response.list_objects = _list_objects  # type: ignore[method-assign]
    S3Response.list_objects_v2 = _list_objects_v2  # type: ignore[method-assign]


def page(keys: IndexedKeys, prefix: str, delimiter: str, after: str, most: int) -> Page:
    """The first ``most`` entries behind the name ``after``."""
    found: list[FakeKey] = []
    prefixes: list[str] = []
    last: str | None = None
    if most == 0:
        return Page([], [], None)
    for entry in _entries(keys, prefix, delimiter, after):
        if len(found) + len(prefixes) == most:
            return Page(found, prefixes, last)
        if isinstance(entry, str):
            prefixes.append(entry)
            last = entry
        else:
            found.append(entry)
            last = entry.name
    return Page(found, prefixes, None)


def current(keys: IndexedKeys, prefix: str) -> Iterator[FakeKey]:
    """The objects below a prefix, by name."""
    return (entry for entry in _entries(keys, prefix, "", "") if not isinstance(entry, str))


def _entries(keys: IndexedKeys, prefix: str, delimiter: str, after: str) -> Iterator[FakeKey | str]:
    """Objects and common prefixes (texts) behind ``after``, by name."""
    names = keys.names()
    place = max(bisect_left(names, prefix), bisect_right(names, after) if after else 0)
    if after and _common(after, prefix, delimiter) == after:
        place = max(place, _behind(names, after))  # the last entry was a common prefix
    while place < len(names) and names[place].startswith(prefix):
        name = names[place]
        common = _common(name, prefix, delimiter)
        if not common:
            place += 1
            if isinstance(key := keys.get(name), FakeKey):
                yield key
            continue
        beyond = _behind(names, common, place)
        if any(isinstance(keys.get(names[each]), FakeKey) for each in range(place, beyond)):
            yield common
        place = beyond


def _common(name: str, prefix: str, delimiter: str) -> str:
    """The common prefix that a name below ``prefix`` is shown as; empty where it is shown itself."""
    end = name.find(delimiter, len(prefix)) if delimiter and name.startswith(prefix) else -1
    return name[: end + len(delimiter)] if end >= 0 else ""


def _behind(names: Sequence[str], prefix: str, place: int = 0) -> int:
    """The first place, from ``place`` on, whose name comes after everything that begins with ``prefix``."""
    return bisect_left(names, True, place, key=lambda name: name > prefix and not name.startswith(prefix))


def _list_objects_v2(self: S3Response) -> Any:
    asked = _Asked(self)
    token = asked.text("continuation-token")
    if asked.has("continuation-token") and not token:
        raise InvalidContinuationToken
    start_after = asked.text("start-after")
    found = page(asked.keys, asked.prefix, asked.delimiter, _named(token) if token else start_after, asked.most)
    shown = [
        *asked.head(),
        f"<KeyCount>{len(found.keys) + len(found.prefixes)}</KeyCount>",
        f"<ContinuationToken>{escape(token)}</ContinuationToken>" if token else "",
        f"<StartAfter>{asked.name(start_after)}</StartAfter>" if start_after and not token else "",
        f"<NextContinuationToken>{_token(found.last)}</NextContinuationToken>" if found.last else "",
        *asked.entries(found, owner=asked.text("fetch-owner").lower() == "true"),
    ]
    return _sent(shown)


def _list_objects(self: S3Response) -> Any:
    asked = _Asked(self)
    marker = asked.text("marker")
    found = page(asked.keys, asked.prefix, asked.delimiter, marker, asked.most)
    shown = [
        *asked.head(),
        f"<Marker>{asked.name(marker)}</Marker>",
        # S3 gives a next marker only with a delimiter; without one it is the last key.
        f"<NextMarker>{asked.name(found.last)}</NextMarker>" if found.last and asked.delimiter else "",
        *asked.entries(found, owner=True),
    ]
    return _sent(shown)


class _Asked:
    """What a list asks for."""

    def __init__(self, response: S3Response) -> None:
        self._query = response._get_querystring(response.request, response.uri)
        bucket: FakeBucket = response.backend.get_bucket(response.bucket_name)
        if isinstance(bucket, models.FakeTableStorageBucket):
            raise MethodNotAllowed
        self.bucket = bucket.name
        self.keys: IndexedKeys = bucket.keys  # type: ignore[assignment]
        self.prefix, self.delimiter = self.text("prefix"), self.text("delimiter")
        self.asked_most = self._number("max-keys", get_s3_default_max_keys())
        self.most = min(self.asked_most, _MOST)
        self._encodes = self.text("encoding-type") == "url"

    def has(self, name: str) -> bool:
        """Whether the query names a parameter, be it without a value."""
        return name in self._query

    def text(self, name: str) -> str:
        """A parameter of the query; empty when it is not there."""
        value = self._query.get(name, [""])[0]
        return value.decode() if isinstance(value, bytes) else str(value or "")

    def name(self, name: str | None) -> str:
        """A name as the reply shows it: encoded as the client asked, and safe in XML."""
        return quote(name or "", safe="/") if self._encodes else _xml(name or "")

    def head(self) -> list[str]:
        """The elements that both kinds of list begin with."""
        return [
            f"<Name>{self.bucket}</Name><Prefix>{self.name(self.prefix)}</Prefix><MaxKeys>{self.asked_most}</MaxKeys>",
            f"<Delimiter>{self.name(self.delimiter)}</Delimiter>" if self.delimiter else "",
            "<EncodingType>url</EncodingType>" if self._encodes else "",
        ]

    def entries(self, found: Page, *, owner: bool) -> Iterator[str]:
        """The page itself."""
        yield f"<IsTruncated>{'true' if found.last else 'false'}</IsTruncated>"
        who = _OWNER if owner else ""
        name, plain = self.name, _PLAIN.fullmatch
        for key in found.keys:
            algorithm = key.checksum_algorithm
            kind = f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm>" if algorithm else ""
            kind += f"<ChecksumType>{key.checksum_type}</ChecksumType>" if algorithm and key.checksum_type else ""
            shown = key.name if plain(key.name) else name(key.name)
            modified = key.last_modified.isoformat(timespec="seconds")
            yield (
                f"<Contents><Key>{shown}</Key><LastModified>{modified}.000Z</LastModified>"
                f"<ETag>&quot;{key._etag}&quot;</ETag>{kind}<Size>{key.size}</Size>{who}"
                f"<StorageClass>{key.storage_class}</StorageClass></Contents>"
            )
        for prefix in found.prefixes:
            yield f"<CommonPrefixes><Prefix>{self.name(prefix)}</Prefix></CommonPrefixes>"

    def _number(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.isascii() or not text.isdigit():
            raise NotAnIntegerException(name, text)  # type: ignore[arg-type]  # any text is quoted
        return int(text)


def _sent(shown: list[str]) -> tuple[int, dict[str, str], str]:
    body = "".join([_HEAD, *shown, "</ListBucketResult>"])
    return 200, {"content-type": "application/xml"}, body


def _xml(text: str) -> str:
    """Text for XML. Line breaks are written as references, or a parser would take them for one another."""
    return escape(text, {"\r": "&#13;"})


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _named(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidContinuationToken from None
