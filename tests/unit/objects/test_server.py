"""Where the S3 server of the user's is, and with whose credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.objects.server import S3Server, S3ServerError


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials in the environment, and one profile with a region."""
    (tmp_path / "config").write_text(
        "[profile work]\nregion = eu-north-1\naws_access_key_id = profiles\naws_secret_access_key = own\n"
        "[profile broken]\ncredential_process = false\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environments")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://s3.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        ("https://s3.dualstack.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("http://localhost:9000", "eu-north-1"),
    ],
)
def test_the_region_of_an_endpoint_of_aws_counts_more_than_the_profiles(url: str, region: str) -> None:
    assert S3Server.of(url, "work", "us-east-1").region == region


def test_without_a_region_anywhere_the_emulators_is_taken() -> None:
    assert S3Server.of("http://localhost:9000", "", "ap-south-1").region == "ap-south-1"


@pytest.mark.parametrize(("profile", "key"), [("", "environments"), ("work", "profiles")])
def test_a_profile_counts_more_than_the_environment(profile: str, key: str) -> None:
    assert S3Server.of("http://localhost:9000", profile, "us-east-1").credentials().access_key == key


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("nobodys", r"nobodys\) could not be found\. `aws configure list-profiles`"),
        ("broken", "cannot be had: .*Renew"),
    ],
)
def test_a_profile_without_credentials_is_refused_with_a_remedy(profile: str, reason: str) -> None:
    with pytest.raises(S3ServerError, match=reason):
        S3Server.of("http://localhost:9000", profile, "us-east-1")


@pytest.mark.parametrize(
    ("url", "hosts", "itself"),
    [
        ("http://localhost:4577", ["127.0.0.1"], True),
        ("http://127.0.0.1:4577/", ["0.0.0.0"], True),
        ("http://172.18.0.1:4577", ["127.0.0.1", "172.18.0.1"], True),
        ("http://[::1]:4577", ["::"], True),
        ("http://127.0.0.1:9000", ["127.0.0.1"], False),
        ("http://127.0.0.1", ["127.0.0.1"], False),
        ("http://127.0.0.2:4577", ["127.0.0.1"], False),
        ("http://192.0.2.1:4577", ["0.0.0.0"], False),
        ("http://no.such.host.invalid:4577", ["127.0.0.1"], False),
    ],
)
def test_the_emulator_knows_its_own_address(url: str, hosts: list[str], itself: bool) -> None:
    assert S3Server.of(url, "", "us-east-1").is_at(4577, hosts) is itself


def test_a_url_without_a_port_has_that_of_its_scheme() -> None:
    assert S3Server.of("http://127.0.0.1", "", "us-east-1").is_at(80, ["127.0.0.1"])
