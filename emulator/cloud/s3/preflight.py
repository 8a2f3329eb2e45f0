"""What browsers may ask: left to the CORS rules of a bucket."""

from __future__ import annotations

from typing import Any

from moto.s3.responses import S3Response


def install() -> None:
    """Answer a preflight from the bucket's rules alone.

    It carries no signature; moto refuses it where the key exists and is private. S3 asks the rules only.
    """
    original = S3Response._key_response

    def _key_response(self: S3Response, request: Any, full_url: str) -> Any:
        if request.method == "OPTIONS":
            return self._response_options(request.headers, self.parse_bucket_name_from_url(request, full_url))
        return original(self, request, full_url)

    S3Response._key_response = _key_response  # type: ignore[method-assign]
