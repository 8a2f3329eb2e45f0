"""Refusals of S3's wire, in S3's own codes and words; the caller makes the XML of them."""

from __future__ import annotations

from collections.abc import Mapping


class WireError(Exception):
    """A request that S3 refuses.

    ``code``, ``message`` and ``status`` (HTTP) are S3's; ``elements`` are the further elements of its ``<Error>``, in
    their order. A class without a code of its own is not raised.
    """

    code = ""
    status = 400
    text = ""

    def __init__(self, message: str | None = None, *, elements: Mapping[str, str] | None = None) -> None:
        self.message = self.text if message is None else message
        self.elements: Mapping[str, str] = elements or {}
        super().__init__(self.message)


class IncompleteBody(WireError):
    """The body ended before it was whole."""

    code = "IncompleteBody"
    text = "The request body terminated unexpectedly"


class InvalidRequest(WireError):
    """The request cannot be read as what it says it is."""

    code = "InvalidRequest"


class MalformedTrailer(WireError):
    """The trailing headers of an aws-chunked body cannot be read."""

    code = "MalformedTrailerError"
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class InvalidArgument(WireError):
    """A value that S3 does not take; ``argument`` and ``value`` name it."""

    code = "InvalidArgument"

    def __init__(self, message: str, argument: str, value: str) -> None:
        super().__init__(message, elements={"ArgumentName": argument, "ArgumentValue": value})


class InvalidRange(WireError):
    """A range that no byte of the object lies in."""

    code = "InvalidRange"
    status = 416
    text = "The requested range is not satisfiable"


class InvalidPartNumber(WireError):
    """A part that the object does not have."""

    code = "InvalidPartNumber"
    status = 416
    text = "The requested partnumber is not satisfiable"
