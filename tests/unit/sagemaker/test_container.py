"""The environment that every container finds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.engines.instances import Limits
from emulator.sagemaker.container import environment

SCOPE = Scope("123456789012", "us-east-1")


def found(url: str, *, isolated: bool = False) -> dict[str, str]:
    platform: Any = SimpleNamespace(endpoint_url=lambda: url, container_credentials=lambda scope, role: {})
    return environment(platform, SCOPE, "role", Limits(None, None), isolated=isolated)


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://172.18.0.1:4577", "172.18.0.1"), ("http://host.docker.internal:4577", "host.docker.internal")],
)
def test_no_proxy_stands_between_a_container_and_the_emulator(url: str, host: str) -> None:
    assert (found(url)["NO_PROXY"], found(url)["no_proxy"]) == (host, host)


def test_an_isolated_container_knows_neither_url_nor_host_of_the_emulator() -> None:
    assert not {"AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy"} & found("http://172.18.0.1:4577", isolated=True).keys()
