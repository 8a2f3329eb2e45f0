"""Fields of an upload by form that moto leaves out: what else than bytes and metadata the new object has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3.exceptions import InvalidStorageClass, MalformedXML
from moto.s3.models import FakeKey, S3Backend
from moto.s3.utils import STORAGE_CLASS

_ENCRYPTION = "x-amz-server-side-encryption"


class Fields:
    """The fields of a form by name, in lower case. Raises moto's errors for what S3 does not take."""

    def __init__(self, query: Mapping[str, Any]) -> None:
        given = {name.lower(): values[0] for name, values in query.items() if values}
        self._class = given.get("x-amz-storage-class")
        self._redirect = given.get("x-amz-website-redirect-location")
        self._encryption = given.get(_ENCRYPTION)
        self._kms_key = given.get(f"{_ENCRYPTION}-aws-kms-key-id")
        self._tags = _tags(given["tagging"]) if given.get("tagging") else {}
        if self._class is not None and self._class not in STORAGE_CLASS:
            raise InvalidStorageClass(storage=self._class)

    def give(self, key: FakeKey, backend: S3Backend) -> None:
        """Let a new object have what they say."""
        key.set_storage_class(self._class or "STANDARD")
        key.website_redirect_location = self._redirect
        if self._encryption is not None:
            key.encryption, key.kms_key_id = self._encryption, self._kms_key
        if self._tags:
            backend.put_object_tagging(key, self._tags)


def _tags(document: str) -> dict[str, str]:
    try:
        found = ET.fromstring(document)  # noqa: S314 - expat of today expands no bombs
    except ET.ParseError:
        raise MalformedXML from None
    return {_text(tag, "Key"): _text(tag, "Value") for tag in found.iter() if _name(tag) == "Tag"}


def _text(tag: ET.Element, name: str) -> str:
    return next((child.text or "" for child in tag if _name(child) == name), "")


def _name(element: ET.Element) -> str:
    """An element's name, with S3's namespace or without."""
    return element.tag.rpartition("}")[2]
