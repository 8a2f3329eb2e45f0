"""What settings accept, and what they say about the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("host", "", "an address"),
        ("port", -1, "from 0 to 65535"),
        ("port", 65536, "from 0 to 65535"),
        ("port", "4577", "from 0 to 65535"),
        ("port", True, "from 0 to 65535"),
        ("durability", "some", "process, full"),
        ("engine", "podman", "auto, docker, process"),
        ("region", "europe", "eu-central-1"),
        ("region", "eu-west-1\n", "eu-central-1"),
        ("account", "12345678901", "twelve digits"),
        ("account", 123456789012, "twelve digits"),
        ("account", "١٢٣٤٥٦٧٨٩٠١٢", "twelve digits"),
        ("s3_endpoint_url", "localhost:9000", "http://localhost:9000"),
        ("s3_endpoint_url", "ftp://localhost", "http://localhost:9000"),
        ("s3_endpoint_url", "http://user:secret@localhost", "http://localhost:9000"),
        ("s3_endpoint_url", "http://localhost/bucket", "http://localhost:9000"),
        ("s3_profile", None, "profile"),
        ("quotas", None, "training job usage=2"),
        ("quotas", "ml.m5.large for training job usage", "training job usage=2"),
        ("quotas", "a=1,", "training job usage=2"),
        ("quotas", "=1", "training job usage=2"),
        ("quotas", "a=-1", "training job usage=2"),
        ("quotas", "a=1.5", "training job usage=2"),
        ("quotas", "a=12345678901", "training job usage=2"),
        ("control", "yes", "True or False"),
        ("log_level", "loud", "debug, info, warning, error"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, value: Any, wanted: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be .*{wanted}.*, not ") as raised:
        Settings(**{field: value})
    assert repr(value) in str(raised.value)


def test_a_data_directory_may_be_text_and_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text: Any = "here"
    assert Settings(data_dir=text).data_dir == tmp_path / "here"
    assert Settings(data_dir=Path("~/there")).data_dir == tmp_path / "home" / "there"


def test_quotas_are_read_by_name() -> None:
    assert Settings().quota_values == {}
    assert Settings(quotas="a b=0, c d=12").quota_values == {"a b": 0, "c d": 12}
