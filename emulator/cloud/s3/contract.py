"""What of moto's S3 is relied upon. Looked at when moto is first loaded, so that a moto that differs says so at once,
by name, in place of losing bytes later. The pinned range of moto in ``pyproject.toml`` is the one this was read in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import moto
from moto.s3 import models, responses, utils

TESTED_WITH = "5.2.5"

PARAMETERS: dict[Callable[..., Any], str] = {
    models.FakeKey.__init__: "self name value account_id region_name storage etag is_versioned version_id "
    "max_buffer_size multipart bucket_name encryption kms_key_id bucket_key_enabled lock_mode lock_legal_status "
    "lock_until checksum_value checksum_type checksum_parts",
    models.FakeMultipart.complete: "self body",
    models.FakeMultipart.set_part: "self part_id value",
    models.S3Backend.put_object: "self bucket_name key_name value storage etag multipart encryption kms_key_id "
    "bucket_key_enabled lock_mode lock_legal_status lock_until checksum_value request_method disable_notification",
    models.S3Backend.get_object: "self bucket_name key_name version_id part_number return_delete_marker",
    models.S3Backend.create_multipart_upload: "self bucket_name key_name metadata storage_type tags acl sse_encryption "
    "kms_key_id",
    models.S3Backend.complete_multipart_upload: "self bucket_name multipart_id body",
    models.S3Backend.upload_part_copy: "self dest_bucket_name multipart_id part_id src_bucket_name src_key_name "
    "src_version_id start_byte end_byte",
    models.S3Backend.copy_object: "self src_key dest_bucket_name dest_key_name storage encryption kms_key_id "
    "bucket_key_enabled mdirective metadata website_redirect_location lock_mode lock_legal_status lock_until "
    "provided_version_id",
    responses.S3Response.put_object: "self",
    responses.S3Response.upload_part: "self",
    responses.S3Response.upload_part_copy: "self",
    responses.S3Response.copy_object: "self",
    responses.S3Response.get_object: "self",
    responses.S3Response.head_object: "self bucket_name query key_name headers",
    responses.S3Response.list_objects: "self",
    responses.S3Response.list_objects_v2: "self",
    responses.S3Response._bucket_response_post: "self request bucket_name",
    responses.S3Response._key_response_post: "self request body bucket_name query key_name",
    responses.S3Response._key_response: "self request full_url",
    utils.compute_checksum: "body algorithm encode_base64",
    utils._VersionedKeyStore.setlist: "self key list_",
}
"""The parameters of everything that is called or replaced."""


class MotoDiffers(Exception):
    """The installed moto is not the one this was made for."""


def check() -> None:
    """Raise `MotoDiffers` unless the installed moto has everything that is relied upon, as it is relied upon."""
    wrong = [
        f"{call.__qualname__} takes {', '.join(found)}"
        for call, wanted in PARAMETERS.items()
        if (found := list(inspect.signature(call).parameters)) != wanted.split()
    ]
    if wrong:
        raise MotoDiffers(
            f"moto {moto.__version__} differs from moto {TESTED_WITH}, which the emulator's S3 is made for: "
            f"{'; '.join(wrong)}. Install moto=={TESTED_WITH}."
        )
