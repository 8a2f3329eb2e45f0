"""Checksums: published values, any way of cutting, and wholes from parts."""

from __future__ import annotations

import base64
import hashlib
from itertools import pairwise

import pytest
from botocore import httpchecksum
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.checksum import ALGORITHMS, COMBINED, Digests, combined, composite

# The "check" values of the catalogue of CRC algorithms, and what coreutils print.
CHECKS = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}


def value_of(algorithm: str, *blocks: bytes) -> str:
    digests = Digests([algorithm])
    for block in blocks:
        digests.update(block)
    return digests.value(algorithm)


def cut_at(content: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(content), *(place for place in places if place < len(content))})
    return [content[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize(("algorithm", "check"), CHECKS.items())
def test_a_value_is_the_published_one(algorithm: str, check: str) -> None:
    assert base64.b64decode(value_of(algorithm, b"123456789")).hex() == check


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS - {"MD5"}))
def test_a_value_is_what_boto3_computes(algorithm: str) -> None:
    theirs = httpchecksum._CHECKSUM_CLS[algorithm.lower()]()
    theirs.update(b"any bytes")
    assert value_of(algorithm, b"any ", b"", b"bytes") == theirs.b64digest()


@given(st.sampled_from(sorted(ALGORITHMS)), st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_how_the_bytes_were_cut_makes_no_difference(algorithm: str, content: bytes, places: list[int]) -> None:
    assert value_of(algorithm, *cut_at(content, places)) == value_of(algorithm, content)


def test_a_view_of_memory_counts_like_its_bytes() -> None:
    digests = Digests(ALGORITHMS)
    digests.update(memoryview(bytearray(b"--123456789--"))[2:-2])
    assert {name: digests.value(name) for name in ALGORITHMS} == {
        name: value_of(name, b"123456789") for name in ALGORITHMS
    }


def test_the_md5_is_there_without_being_named_and_is_hexadecimal() -> None:
    digests = Digests()
    digests.update(b"123456789")
    assert digests.md5 == CHECKS["MD5"]


def test_a_value_can_be_asked_for_twice() -> None:
    digests = Digests(ALGORITHMS)
    digests.update(b"once")
    assert all(digests.value(name) == digests.value(name) for name in ALGORITHMS)


def test_an_unknown_algorithm_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Digests(["CRC16"])


def test_a_composite_is_the_checksum_of_the_raw_checksums() -> None:
    parts = [value_of("SHA256", content) for content in (b"one", b"two")]
    raw = hashlib.sha256(b"one").digest() + hashlib.sha256(b"two").digest()
    assert composite("SHA256", parts) == base64.b64encode(hashlib.sha256(raw).digest()).decode()


@given(st.sampled_from(sorted(COMBINED)), st.lists(st.binary(max_size=80), max_size=5))
def test_a_combined_crc_is_the_crc_of_the_whole(algorithm: str, parts: list[bytes]) -> None:
    values = [(value_of(algorithm, part), len(part)) for part in parts]
    assert combined(algorithm, values) == value_of(algorithm, b"".join(parts))


def test_a_hash_cannot_be_combined() -> None:
    with pytest.raises(KeyError):
        combined("SHA256", [(value_of("SHA256", b"one"), 3)])
