"""Reception: what is told, kept and left of a request whose body becomes blobs."""

from __future__ import annotations

import io
from typing import Any

import pytest

from emulator.cloud.s3.reception import BadDigest, Part, Reception
from emulator.objects.assembly import Assemblies
from emulator.objects.blobs import Blobs
from emulator.objects.body import Body, Segment, blobs_of
from emulator.objects.reading import BodyFile
from emulator.objects.wire_error import IncompleteBody
from tests.unit.cloud.s3.wire import checksum

DATA = bytes(range(256)) * 100


class Desk:
    """A reception that remembers what it told."""

    def __init__(self, blobs: Blobs) -> None:
        self.told: list[Body] = []
        self.blobs = blobs
        self.reception = Reception(blobs, Assemblies(blobs, unit=len(DATA)), self._made)

    def _made(self, body: Body) -> Body:
        self.told.append(body)
        return body

    def receive(self, data: bytes = DATA, part: Part | None = None, **environ: Any) -> Any:
        self.environ = {"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), **environ}
        return self.reception.receive(self.environ, part)

    def content(self, body: Body) -> bytes:
        with BodyFile(self.blobs, body) as file:
            return file.read()


@pytest.fixture
def desk(blobs: Blobs) -> Desk:
    return Desk(blobs)


def test_request_is_left_without_a_body_and_as_if_it_had_been_plain(desk: Desk) -> None:
    chunks = b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % checksum("CRC32", b"abc").encode()
    claim = desk.receive(
        chunks,
        HTTP_CONTENT_ENCODING="aws-chunked, gzip",
        HTTP_TRANSFER_ENCODING="chunked",
        HTTP_X_AMZ_CONTENT_SHA256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        HTTP_X_AMZ_DECODED_CONTENT_LENGTH="3",
        HTTP_X_AMZ_TRAILER="x-amz-checksum-crc32",
    )
    assert desk.environ.pop("wsgi.input").read() == b""
    assert desk.environ == {
        "CONTENT_LENGTH": "0",
        "HTTP_CONTENT_ENCODING": "gzip",
        "HTTP_X_AMZ_DECODED_CONTENT_LENGTH": "3",
        "HTTP_X_AMZ_CHECKSUM_CRC32": checksum("CRC32", b"abc"),
    }
    assert (desk.content(claim.body), claim.algorithm, len(claim)) == (b"abc", "CRC32", 3)


def test_encoding_of_a_body_that_is_not_chunked_stays(desk: Desk) -> None:
    claim = desk.receive(b"3\r\nabc\r\n", HTTP_CONTENT_ENCODING="aws-chunked")
    assert desk.environ["HTTP_CONTENT_ENCODING"] == "aws-chunked"
    assert desk.content(claim.body) == b"3\r\nabc\r\n"


def test_body_that_is_refused_was_told(desk: Desk) -> None:
    with pytest.raises(BadDigest):
        desk.receive(HTTP_X_AMZ_CHECKSUM_CRC32=checksum("CRC32", b"other"))
    assert len(blobs_of(desk.told)) == 1


def test_part_is_told_before_it_is_written(desk: Desk) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert len(desk.told) == 1
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        desk.reception.receive({"wsgi.input": Failing(), "CONTENT_LENGTH": "9"}, Part("upload", 1, "CRC32"))


def test_parts_of_one_upload_lie_behind_one_another(desk: Desk) -> None:
    first, second = (desk.receive(part=Part("upload", number, "CRC32")).body for number in (1, 2))
    assert second == (Segment(first[0].blob, len(DATA), len(DATA)),)


def test_part_without_a_length_has_a_blob_of_its_own(desk: Desk) -> None:
    whole = desk.receive(part=Part("upload", 1, "CRC32")).body
    other = desk.receive(part=Part("upload", 2, "CRC32"), CONTENT_LENGTH="").body
    assert (other[0].offset, desk.content(other)) == (0, DATA)
    assert other[0].blob != whole[0].blob


def test_part_has_the_checksum_of_its_upload_beside_its_own(desk: Desk) -> None:
    claim = desk.receive(part=Part("upload", 1, "SHA1"), HTTP_X_AMZ_CHECKSUM_CRC32=checksum("CRC32", DATA))
    assert claim.checksums == {"CRC32": checksum("CRC32", DATA), "SHA1": checksum("SHA1", DATA)}


def test_part_that_is_longer_than_it_said_does_not_reach_into_the_next(desk: Desk) -> None:
    second = desk.receive(part=Part("upload", 2, "CRC32")).body
    with pytest.raises(IncompleteBody):
        desk.receive(b"x" * (len(DATA) + 1), part=Part("upload", 1, "CRC32"), CONTENT_LENGTH=str(len(DATA)))
    assert (second[0].offset, desk.content(second)) == (len(DATA), DATA)


@pytest.mark.parametrize("length", ["", "x", "²"])
def test_length_that_is_none_is_not_relied_on(desk: Desk, length: str) -> None:
    assert desk.content(desk.receive(CONTENT_LENGTH=length).body) == DATA


def test_file_of_this_machine_is_taken_with_a_checksum(desk: Desk) -> None:
    claim = desk.reception.take(io.BytesIO(DATA))
    assert claim.checksums == {"CRC64NVME": checksum("CRC64NVME", DATA)}
    assert (desk.content(claim.body), desk.told) == (DATA, [claim.body])
