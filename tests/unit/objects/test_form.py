"""Forms: as browsers and requests send them, cut anyhow by the network, and broken."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.form import MOST_BEFORE_FILE, RAW_SIZE, Form, open_form
from emulator.objects.wire_error import WireError

TYPE = "multipart/form-data; boundary=XyZ"


def part(name: str, value: str | bytes, filename: str | None = None, extra: str = "") -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    content = value.encode() if isinstance(value, str) else value
    return f"--XyZ\r\nContent-Disposition: {disposition}\r\n{extra}\r\n".encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XyZ--\r\n"


def opened(content: bytes, most: int = 1 << 20, content_type: str = TYPE) -> Form:
    stream = io.BytesIO(content)
    return open_form(lambda size: stream.read(min(size, most)), content_type)


def file_of(form: Form, size: int = 1 << 20) -> bytes:
    return b"".join(iter(lambda: form.read(size), b""))


def refusal(content: bytes, content_type: str = TYPE) -> WireError:
    with pytest.raises(WireError) as refused:
        file_of(opened(content, content_type=content_type))
    return refused.value


def test_the_fields_before_the_file_and_the_file_are_there() -> None:
    form = opened(
        body(
            part("key", "a/ü"),
            part("X-Amz-Meta-One", "1"),
            part("file", b"\x00\r\n--Xy\r\n", "C:\\pictures\\x.png", "Content-Type: image/png\r\n"),
            part("submit", "Upload"),
        )
    )
    assert form.fields == {"key": "a/ü", "x-amz-meta-one": "1"}
    assert form.spelling == {"key": "key", "x-amz-meta-one": "X-Amz-Meta-One"}
    assert (form.filename, form.content_type) == ("C:\\pictures\\x.png", "image/png")
    assert file_of(form) == b"\x00\r\n--Xy\r\n"
    assert form.read(10) == b""


@given(st.binary(max_size=300), st.integers(1, 60), st.integers(1, 60))
def test_how_the_body_arrives_and_is_read_makes_no_difference(content: bytes, arriving: int, reading: int) -> None:
    form = opened(body(part("key", "k"), part("file", content, "f"), part("after", "x")), arriving)
    pieces = list(iter(lambda: form.read(reading), b""))
    assert b"".join(pieces) == content
    assert all(len(piece) <= reading for piece in pieces)


@pytest.mark.parametrize("content", [b"\r\n" * 300_000, os.urandom(1 << 20), b"\r\n--XyZ-" * 100_000, b"\r" * RAW_SIZE])
def test_a_file_larger_than_a_read_is_whole(content: bytes) -> None:
    assert file_of(opened(body(part("key", "k"), part("file", content, "f")))) == content


def test_every_part_may_have_a_filename_and_only_the_name_file_means_the_file() -> None:
    form = opened(body(part("key", "k", "key"), part("file", "content", "file")))
    assert form.fields == {"key": "k"}
    assert file_of(form) == b"content"


@pytest.mark.parametrize(
    ("filename", "key"),
    [
        ("me.txt", "up/me.txt"),
        ("/home/me.txt", "up/me.txt"),
        ("c:\\a\\me.txt", "up/me.txt"),
        ('say \\"a\\" %22b%22', 'up/say "a" "b"'),
        ("", "up/"),
    ],
)
def test_the_name_of_the_file_is_put_in(filename: str, key: str) -> None:
    form = opened(body(part("key", "up/${filename}"), part("x-amz-meta-a", "${filename}"), part("file", "", filename)))
    assert form.fields == {"key": key, "x-amz-meta-a": key.removeprefix("up/")}


def test_without_a_name_of_the_file_nothing_is_put_in() -> None:
    form = opened(body(part("key", "up/${filename}"), part("file", "text")))
    assert form.fields["key"] == "up/${filename}"
    assert (form.filename, form.content_type) == (None, None)


def test_fields_of_one_name_are_joined_by_a_comma() -> None:
    form = opened(
        body(part("key", "k"), part("x-amz-meta-tag", "Ninja"), part("X-Amz-Meta-Tag", "Stallman"), part("file", ""))
    )
    assert form.fields["x-amz-meta-tag"] == "Ninja,Stallman"


def test_a_boundary_may_be_quoted_and_a_preamble_is_skipped() -> None:
    content = b"hello\r\n" + body(part("key", "k"), part("file", "text"))
    assert file_of(opened(content, content_type='Multipart/Form-Data; boundary="XyZ"')) == b"text"


@pytest.mark.parametrize(
    "content_type", ["", "text/html", "application/x-www-form-urlencoded", "multipart/mixed; boundary=XyZ"]
)
def test_what_is_no_form_is_refused(content_type: str) -> None:
    error = refusal(body(part("key", "k"), part("file", "")), content_type)
    assert (error.code, error.status) == ("PreconditionFailed", 412)
    assert error.elements == {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"}


def padded(size: int) -> bytes:
    """A form that has ``size`` bytes up to the line break before the content of the file."""
    file = part("file", b"x" * 100_000, "f")
    head = len(part("key", "k")) + len(part("pad", "")) + file.index(b"\r\n\r\n") + 2
    return body(part("key", "k"), part("pad", "p" * (size - head)), file)


def test_20480_bytes_may_stand_before_the_file() -> None:
    assert len(file_of(opened(padded(MOST_BEFORE_FILE)))) == 100_000
    error = refusal(padded(MOST_BEFORE_FILE + 1))
    assert (error.code, error.status) == ("MaxPostPreDataLengthExceeded", 400)
    assert error.elements == {"MaxPostPreDataLengthBytes": "20480"}


@pytest.mark.parametrize("start", [b"", b"--XyZ\r\nContent-Disposition: form-data; name=", b"--XyZ\r\nX: "])
def test_a_body_that_never_comes_to_a_file_is_not_read_to_its_end(start: bytes) -> None:
    asked: list[int] = []

    def source(size: int) -> bytes:
        asked.append(size)
        return (start if len(asked) == 1 else b"") + b"x" * 10_000

    with pytest.raises(WireError) as refused:
        open_form(source, TYPE)
    assert refused.value.code == "MaxPostPreDataLengthExceeded"
    assert len(asked) == 3


def test_a_form_without_a_file_is_refused() -> None:
    error = refusal(body(part("key", "k"), part("upload", "text", "f.txt")))
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message == "POST requires exactly one file upload per request."
    assert error.elements == {"ArgumentName": "file", "ArgumentValue": "0"}


def test_a_key_after_the_file_is_none() -> None:
    error = refusal(body(part("file", "text"), part("key", "k")))
    assert (error.code, error.status) == ("InvalidArgument", 400)
    assert error.message == (
        "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
    )
    assert error.elements == {"ArgumentName": "key", "ArgumentValue": ""}


def test_an_empty_key_is_refused() -> None:
    assert refusal(body(part("key", ""), part("file", ""))).message == "User key must have a length greater than 0."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no boundary",
        body(part("key", "k"), part("file", "text"))[:-9],
        body(part("key", "k"))[:-9],
        b"--XyZ\r\nContent-Type: text/plain\r\n\r\nk\r\n--XyZ--\r\n",
        b"--XyZ\r\nContent-Disposition: form-data\r\n\r\nk\r\n--XyZ--\r\n",
        body(part("key", b"\xff"), part("file", "")),
    ],
)
def test_a_broken_form_is_refused(content: bytes) -> None:
    error = refusal(content)
    assert (error.code, error.status) == ("MalformedPOSTRequest", 400)
    assert refusal(content, "multipart/form-data").code == "MalformedPOSTRequest"
