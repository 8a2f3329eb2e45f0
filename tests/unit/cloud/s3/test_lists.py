"""Lists over the wire: what of the page reaches a client, in S3's words."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.mounted import ACCOUNT, REGION, Mounted

BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
ODD = ["a b", "a%2Fb", "a&<>\"'", "a+b", "a/\r\n", "a/b", "a//c", "ä/\U0001f600", "z?x=1", "z/"]


@pytest.fixture
def s3(aws: Mounted) -> Any:
    return aws.client("s3")


def put(s3: Any, *keys: str) -> None:
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())


def keys_of(reply: dict[str, Any]) -> list[str]:
    return [item["Key"] for item in reply.get("Contents", [])]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_odd_keys_are_listed_in_order_whatever_the_size_of_a_page(s3: Any, operation: str, size: int) -> None:
    put(s3, *ODD)
    pages = s3.get_paginator(operation).paginate(Bucket=BUCKET, PaginationConfig={"PageSize": size})
    assert [key for page in pages for key in keys_of(page)] == sorted(ODD, key=str.encode)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_common_prefixes_are_shown_once_whatever_the_size_of_a_page(s3: Any, operation: str, size: int) -> None:
    put(s3, *ODD)
    pages = s3.get_paginator(operation).paginate(Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": size})
    found = list(pages)
    prefixes = [item["Prefix"] for page in found for item in page.get("CommonPrefixes", [])]
    assert (prefixes, [key for page in found for key in keys_of(page)]) == (
        ["a/", "z/", "ä/"],
        ["a b", "a%2Fb", "a&<>\"'", "a+b", "z?x=1"],
    )


def test_entry_says_what_a_client_knows_of_the_object(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="k", Body=b"abc", StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA1")[
        "ETag"
    ]
    (item,) = s3.list_objects_v2(Bucket=BUCKET, FetchOwner=True)["Contents"]
    head = s3.head_object(Bucket=BUCKET, Key="k")
    assert item.pop("Owner")["ID"]
    assert item == {
        "Key": "k",
        "ETag": etag,
        "Size": 3,
        "LastModified": head["LastModified"],
        "StorageClass": "STANDARD_IA",
        "ChecksumAlgorithm": ["SHA1"],
        "ChecksumType": "FULL_OBJECT",
    }


def test_second_version_of_the_list_counts_and_names_its_place(s3: Any) -> None:
    put(s3, "a", "b", "c/d", "e")
    first = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/", MaxKeys=2, StartAfter="a")
    assert (first["KeyCount"], first["IsTruncated"], first["StartAfter"], first["MaxKeys"]) == (2, True, "a", 2)
    assert "Owner" not in first["Contents"][0]
    token = first["NextContinuationToken"]
    second = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/", MaxKeys=2, ContinuationToken=token)
    assert (keys_of(second), second["IsTruncated"], second["ContinuationToken"]) == (["e"], False, token)


def test_next_marker_is_given_with_a_delimiter_only(s3: Any) -> None:
    put(s3, "a/b", "c", "d")
    assert s3.list_objects(Bucket=BUCKET, Delimiter="/", MaxKeys=1)["NextMarker"] == "a/"
    assert "NextMarker" not in s3.list_objects(Bucket=BUCKET, MaxKeys=1)


def test_page_of_no_keys_is_empty_and_whole(s3: Any) -> None:
    put(s3, "a")
    found = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)
    assert (found["KeyCount"], found["IsTruncated"], "Contents" in found) == (0, False, False)


def test_token_outlives_a_deletion_of_its_key(s3: Any) -> None:
    put(s3, "a", "b", "c")
    token = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=2)["NextContinuationToken"]
    s3.delete_object(Bucket=BUCKET, Key="b")
    assert keys_of(s3.list_objects_v2(Bucket=BUCKET, ContinuationToken=token)) == ["c"]


@pytest.mark.parametrize("token", ["", "%", "YQ", "/w=="])
def test_token_that_is_none_is_refused(s3: Any, token: str) -> None:
    with pytest.raises(ClientError, match="continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket=BUCKET, ContinuationToken=token)


def test_most_keys_that_are_no_number_are_refused(aws: Mounted) -> None:
    reply = requests.get(f"{aws.url}/{BUCKET}?list-type=2&max-keys=x", timeout=30)
    assert (reply.status_code, "<Code>InvalidArgument</Code>" in reply.text) == (400, True)


def test_list_of_a_bucket_that_is_not_there_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="nowhere")


def test_deleted_and_newer_versions_are_not_listed_as_objects(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    put(s3, "a", "a", "b")
    s3.delete_object(Bucket=BUCKET, Key="b")
    assert keys_of(s3.list_objects_v2(Bucket=BUCKET)) == ["a"]
    marker = s3.list_object_versions(Bucket=BUCKET)["DeleteMarkers"][0]
    s3.delete_object(Bucket=BUCKET, Key="b", VersionId=marker["VersionId"])
    assert keys_of(s3.list_objects_v2(Bucket=BUCKET)) == ["a", "b"]
