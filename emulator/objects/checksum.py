"""S3's checksums: of bytes that pass by, and of a whole from the checksums of its parts.

Algorithms have the names of S3's API (`CRC64NVME`); values are base64 as in S3's headers, CRCs with the highest byte
first. A name that is not in `ALGORITHMS` is a `KeyError`.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

Block: TypeAlias = bytes | bytearray | memoryview


class _Running(Protocol):
    """A checksum of what it was fed so far, as hashlib has them."""

    def update(self, block: Block, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A CRC of ``size`` bytes; ``step`` takes a block and the CRC so far."""

    def __init__(self, size: int, step: Callable[[Block, int], int]) -> None:
        self._size = size
        self._step = step
        self._value = 0

    def update(self, block: Block) -> None:
        self._value = self._step(block, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """One of awscrt's XXHash objects, ``new_xxhash64`` and the like. It gives its value once: nothing follows it."""

    def __init__(self, factory: str) -> None:
        from awscrt.checksums import XXHash

        self._hash = getattr(XXHash, factory)()
        self._digest: bytes | None = None

    def update(self, block: Block) -> None:
        self._hash.update(bytes(block))  # takes nothing else; of bytes this is no copy

    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = bytes(self._hash.finalize())
        return self._digest


def _crc32c() -> _Running:
    from awscrt.checksums import crc32c

    return _Crc(4, crc32c)


def _crc64nvme() -> _Running:
    from awscrt.checksums import crc64nvme

    return _Crc(8, crc64nvme)


_NEW: dict[str, Callable[[], _Running]] = {
    "CRC32": lambda: _Crc(4, zlib.crc32),
    "CRC32C": _crc32c,
    "CRC64NVME": _crc64nvme,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "XXHASH64": lambda: _XxHash("new_xxhash64"),
    "XXHASH3": lambda: _XxHash("new_xxhash3_64"),
    "XXHASH128": lambda: _XxHash("new_xxhash3_128"),
}

ALGORITHMS = frozenset(_NEW)
"""Every algorithm that S3 knows."""

DEFAULT = "CRC64NVME"
"""What S3 computes where a client names no algorithm (since December 2024)."""

COMBINED = {"CRC32": "combine_crc32", "CRC32C": "combine_crc32c", "CRC64NVME": "combine_crc64nvme"}
"""Those whose value of a whole follows from the values of its parts, with awscrt's function for it."""


class Digests:
    """The MD5 and some named checksums of bytes that are fed block by block."""

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        self._running = {name: _NEW[name]() for name in {"MD5", *algorithms}}

    def update(self, block: Block) -> None:
        """Take the next bytes. Large blocks let other threads run meanwhile."""
        for running in self._running.values():
            running.update(block)

    def value(self, algorithm: str) -> str:
        """The checksum of all bytes so far; ask when the last one is in."""
        return _encoded(self._running[algorithm].digest())

    @property
    def md5(self) -> str:
        """The MD5 of all bytes so far, in hexadecimal as ETags have it."""
        return self._running["MD5"].digest().hex()


def width(algorithm: str) -> int:
    """How many bytes a checksum of this algorithm has."""
    return len(_NEW[algorithm]().digest())


def composite(algorithm: str, part_values: Iterable[str]) -> str:
    """The checksum of the parts' raw checksums in turn, without S3's ``-N``."""
    running = _NEW[algorithm]()
    for value in part_values:
        running.update(base64.b64decode(value))
    return _encoded(running.digest())


def combined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The CRC of a whole, from the CRC and the size in bytes of each of its parts; only for `COMBINED` ones."""
    from awscrt import checksums

    combine = getattr(checksums, COMBINED[algorithm])
    crc = 0
    for value, size in parts:
        crc = combine(crc, int.from_bytes(base64.b64decode(value), "big"), size)
    return _encoded(crc.to_bytes(width(algorithm), "big"))


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
