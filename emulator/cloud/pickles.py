"""Pickles of moto's S3 models without the bytes: a body becomes a reference to the body's file."""

from __future__ import annotations

import io
import pickle
import threading
from typing import Any

from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, MultipartDict
from moto.s3.utils import _VersionedKeyStore

from emulator.cloud.bodies import Bodies, StoredBody

GONE = StoredBody(None, None)


def dump(value: object) -> tuple[bytes, list[str]]:
    """The pickle of ``value`` and the bodies it names."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, protocol=5)
    pickler.dump(value)
    return buffer.getvalue(), pickler.bodies


def load(data: bytes, bodies: Bodies) -> Any:
    """What `dump` pickled; bodies are opened when they are read."""
    return _Unpickler(io.BytesIO(data), bodies).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self.bodies: list[str] = []

    def persistent_id(self, obj: Any) -> str | None:
        if not isinstance(obj, StoredBody):
            return None
        if obj.ref is not None:
            self.bodies.append(obj.ref)
        return obj.ref or ""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FakeKey):
            return _blank, (type(obj),), _key_state(obj), None, None, _restore_key
        if isinstance(obj, FakeBucket):
            state = {name: value for name, value in vars(obj).items() if name not in ("keys", "multiparts")}
            return _blank, (type(obj),), state, None, None, _restore_bucket
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, bodies: Bodies) -> None:
        super().__init__(file)
        self._bodies = bodies

    def persistent_load(self, ref: str) -> StoredBody:
        return StoredBody(self._bodies, ref) if ref else GONE


def _key_state(key: FakeKey) -> dict[str, Any]:
    state = {name: value for name, value in vars(key).items() if name != "lock"}
    if not isinstance(key._value_buffer, StoredBody):
        state["_value_buffer"] = GONE  # a deleted version that only a delete marker still remembers
    if isinstance(key.multipart, FakeMultipart):
        state["multipart"] = _without_bodies(key.multipart)
    return state


def blank_upload(upload: FakeMultipart) -> FakeMultipart:
    """An open upload without its parts, which have rows of their own."""
    copy: FakeMultipart = _blank(FakeMultipart)
    vars(copy).update(vars(upload), parts={}, partlist=[])
    return copy


def _without_bodies(upload: FakeMultipart) -> FakeMultipart:
    """A completed upload: moto keeps its parts for ``GET ?partNumber``, but has thrown their bytes away."""
    copy = blank_upload(upload)
    copy.partlist = list(upload.partlist)
    for number, part in upload.parts.items():
        twin = copy.parts[number] = _blank(FakeKey)
        vars(twin).update(vars(part), _value_buffer=GONE, multipart=None)
    return copy


def _blank(model: Any) -> Any:
    return model.__new__(model)


def _restore_key(key: FakeKey, state: dict[str, Any]) -> None:
    vars(key).update(state)
    key.lock = threading.Lock()


def _restore_bucket(bucket: FakeBucket, state: dict[str, Any]) -> None:
    vars(bucket).update(state)
    bucket.keys = _VersionedKeyStore()
    bucket.multiparts = MultipartDict()
