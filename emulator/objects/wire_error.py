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


class BadDigest(WireError):
    """The bytes are not those that the request says they are."""

    code = "BadDigest"
    text = "The Content-MD5 you specified did not match what we received."


class InvalidDigest(WireError):
    """What a request gives as a digest cannot be one."""

    code = "InvalidDigest"
    text = "The Content-MD5 you specified was invalid."


class Sha256Mismatch(WireError):
    """The bytes are not those that were signed."""

    code = "XAmzContentSHA256Mismatch"
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."


class MalformedTrailer(WireError):
    """The trailing headers of an aws-chunked body cannot be read."""

    code = "MalformedTrailerError"
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class MalformedPostRequest(WireError):
    """The body of a form cannot be read."""

    code = "MalformedPOSTRequest"
    text = "The body of your POST request is not well-formed multipart/form-data."


class MaxMessageLengthExceeded(WireError):
    """A document in the body is larger than any that says something."""

    code = "MaxMessageLengthExceeded"
    text = "Your request was too large."


class NoForm(WireError):
    """An upload to a bucket that is not a form."""

    code = "PreconditionFailed"
    status = 412
    text = "At least one of the pre-conditions you specified did not hold"

    def __init__(self) -> None:
        super().__init__(elements={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"})


class MaxPostPreDataLengthExceeded(WireError):
    """What stands before the file in a form is more than ``most`` bytes; the spelling is S3's."""

    code = "MaxPostPreDataLengthExceeded"
    text = "Your POST request fields preceeding the upload file was too large."

    def __init__(self, most: int) -> None:
        super().__init__(elements={"MaxPostPreDataLengthBytes": str(most)})


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


class AccessDenied(WireError):
    """A signature or a policy that does not allow the request, or not now."""

    code = "AccessDenied"
    status = 403
    text = "Access Denied"


class AuthorizationQueryParametersError(WireError):
    """The query of a presigned URL is not what Signature Version 4 asks for."""

    code = "AuthorizationQueryParametersError"


class KeyTooLong(WireError):
    """A key of more bytes (in UTF-8) than a key may have."""

    code = "KeyTooLongError"
    text = "Your key is too long"

    def __init__(self, size: int, largest: int) -> None:
        super().__init__(elements={"Size": str(size), "MaxSizeAllowed": str(largest)})


class InvalidAccessKeyId(WireError):
    """A key that does not exist, or one of a session without the session's token."""

    code = "InvalidAccessKeyId"
    status = 403
    text = "The AWS Access Key Id you provided does not exist in our records."

    def __init__(self, access_key: str) -> None:
        super().__init__(elements={"AWSAccessKeyId": access_key})


class InvalidToken(WireError):
    """The token of another session, or one where the key has none."""

    code = "InvalidToken"
    text = "The provided token is malformed or otherwise invalid."

    def __init__(self, token: str) -> None:
        super().__init__(elements={"Token-0": token})


class SignatureDoesNotMatch(WireError):
    """The request, or the policy, is not what was signed, or was signed with another secret."""

    code = "SignatureDoesNotMatch"
    status = 403
    text = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )


class InvalidPolicyDocument(WireError):
    """The policy of a form cannot be read."""

    code = "InvalidPolicyDocument"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid Policy: {reason}")


class EntityTooLarge(WireError):
    """More bytes than the policy of a form allows."""

    code = "EntityTooLarge"
    text = "Your proposed upload exceeds the maximum allowed size"


class EntityTooSmall(WireError):
    """Fewer bytes than the policy of a form asks for."""

    code = "EntityTooSmall"
    text = "Your proposed upload is smaller than the minimum allowed size"
