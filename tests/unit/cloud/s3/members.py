"""The members of moto's models that rows are made of, as they were when the rows' form was chosen.

One that moto adds has to be looked at: whether it is plain, and whether a key can be read without it.
"""

MEMBERS: dict[str, str] = {
    "FakeKey": "name account_id region_name partition last_modified acl website_redirect_location checksum_algorithm "
    "_storage_class _metadata _expiry _etag _version_id _is_versioned multipart bucket_name _max_buffer_size "
    "_value_buffer disposed contentsize lock encryption kms_key_id bucket_key_enabled lock_mode lock_legal_status "
    "lock_until checksum_value checksum_type checksum_parts _transitions _status _tick _time_progressed model_name",
    "FakeMultipart": "key_name metadata account_id region_name storage tags acl parts partlist id sse_encryption "
    "kms_key_id",
    "FakeDeleteMarker": "key name last_modified _version_id",
}
