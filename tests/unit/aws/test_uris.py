from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.aws.model import Model
from emulator.aws.uris import Routes, Template, decode, parse_query
from emulator.errors import SerializationException

ROUTES = Routes(
    {
        "Get": {"http": {"method": "GET", "requestUri": "/things/{Name}"}},
        "Stop": {"http": {"method": "GET", "requestUri": "/things/stop"}},
        "Acl": {"http": {"method": "GET", "requestUri": "/things/{Name}?acl"}},
        "Tree": {"http": {"method": "GET", "requestUri": "/{Bucket}/{Key+}"}},
        "Put": {"http": {"method": "PUT", "requestUri": "/things/{Name}"}},
    }
)


@pytest.mark.parametrize(
    ("method", "path", "query", "name"),
    [
        ("GET", "/things/a", "", "Get"),
        ("GET", "/things/stop", "", "Stop"),
        ("GET", "/things/a", "acl", "Acl"),
        ("GET", "/things/a", "acl=no", "Get"),
        ("GET", "/things/a/b", "", "Tree"),
        ("PUT", "/things/a", "", "Put"),
        ("PUT", "/things/", "", None),
        ("DELETE", "/things/a", "", None),
    ],
)
def test_the_most_specific_operation_wins(method: str, path: str, query: str, name: str | None) -> None:
    assert ROUTES.find(method, path, query) == name


def test_labels_are_decoded_after_the_path_was_split() -> None:
    assert Template("/a/{One}/{Rest+}").match("/a/x%2Fy/b/c%20d") == {"One": "x/y", "Rest": "b/c d"}


def test_characters_of_regular_expressions_are_ordinary_in_a_template() -> None:
    assert Template("/a.b/(c)+").match("/a.b/(c)+") == {}
    assert Template("/a.b/(c)+").match("/aXb/c") is None


def test_a_plus_is_a_space_in_the_query_and_a_plus_in_the_path() -> None:
    assert parse_query("a=b+c&d") == [("a", "b c"), ("d", "")]
    assert decode("b+c") == "b+c"


def test_escapes_that_are_no_utf8_are_refused() -> None:
    for read in (decode, parse_query):
        with pytest.raises(SerializationException):
            read("%ff=%ff")


def test_a_key_that_looks_like_an_endpoint_is_not_one(models: Callable[[str], Model]) -> None:
    routes = Routes(models("sagemaker-runtime").operations)
    assert routes.find("POST", "/endpoints/e/invocations", "") == "InvokeEndpoint"
    assert routes.find("POST", "/bucket/endpoints/e/invocations", "") is None
    assert routes.find("PUT", "/endpoints/e/invocations", "") is None
