"""botocore and the wire agree: what its client writes we read, and what we write its client reads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.aws import Service, WireRequest
from emulator.aws.model import Model
from emulator.aws.service import PROTOCOLS

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)  # botocore leaves the special ones as text
SECONDS = st.integers(0, 4_000_000_000)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": FLOATS,
    "double": FLOATS,
    "boolean": st.booleans(),
    "blob": st.binary(),
    "timestamp": SECONDS.map(float),
}
REQUESTS = [
    "CreateTrainingJob",
    "CreateProcessingJob",
    "CreateEndpointConfig",
    "CreateHyperParameterTuningJob",
    "CreateAutoMLJobV2",
    "ListTrainingJobs",
    "Search",
]
REPLIES = ["DescribeTrainingJob", "DescribeEndpoint", "ListTrainingJobs", "DescribeHyperParameterTuningJob"]
REST_REQUESTS = [
    ("sagemaker-runtime", "InvokeEndpoint"),
    ("sagemaker-runtime", "InvokeEndpointAsync"),
    ("sagemaker-featurestore-runtime", "GetRecord"),
    ("sagemaker-featurestore-runtime", "PutRecord"),
    ("sagemaker-a2i-runtime", "ListHumanLoops"),
]
BUDGET = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example]
)


def values(model: Model, name: str, depth: int = 3) -> st.SearchStrategy[Any]:
    """Any value of shape ``name``, its constraints aside; optional structures end at ``depth``."""
    shape = model.shapes[name]
    match shape["type"]:
        case "structure":
            return structures(model, shape, depth)
        case "list":
            return st.lists(values(model, shape["member"]["shape"], depth - 1), min_size=1, max_size=2)
        case "map":
            return st.dictionaries(TEXT, values(model, shape["value"]["shape"], depth - 1), max_size=2)
    return SCALARS[shape["type"]]


def structures(model: Model, shape: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    required = set(shape.get("required", ()))
    members = {
        key: values(model, member["shape"], depth - 1)
        for key, member in shape["members"].items()
        if key in required or (depth > 0 and not member.get("eventstream"))
    }
    if shape.get("union"):
        choices = {key: values(model, member["shape"], 0) for key, member in shape["members"].items()}
        return st.one_of([st.fixed_dictionaries({key: choice}) for key, choice in choices.items()])
    optional = {key: value for key, value in members.items() if key not in required}
    return st.fixed_dictionaries({key: members[key] for key in required}, optional=optional)


def unconstrained(model: Model) -> Model:
    """``model`` without the demands on values, so that any value of the right type passes."""
    shapes = copy.deepcopy(model.shapes)
    for shape in shapes.values():
        for trait in ("min", "max", "pattern", "enum"):
            shape.pop(trait, None)
    return Model(model.metadata, model.operations, shapes)


@pytest.fixture(scope="session")
def loose(models: Callable[[str], Model]) -> Callable[[str], tuple[Service, Model, ServiceModel]]:
    """A service that refuses no value, its model, and botocore's own view of the same service."""
    made: dict[str, tuple[Service, Model, ServiceModel]] = {}

    def make(name: str) -> tuple[Service, Model, ServiceModel]:
        if name not in made:
            model = unconstrained(models(name))
            ours = Service(name, {}, load=lambda _name: model)
            made[name] = ours, model, ServiceModel(Loader().load_service_model(name, "service-2"), name)
        return made[name]

    return make


def sent_by_botocore(theirs: ServiceModel, operation: str, params: dict[str, Any]) -> WireRequest:
    serializer = create_serializer(theirs.metadata["protocol"], include_validation=False)
    request = serializer.serialize_to_request(as_datetimes(params), theirs.operation_model(operation))
    query = urlencode(request["query_string"], doseq=True, quote_via=quote)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    body = request["body"]
    return WireRequest(
        request["method"], request["url_path"], query, headers, body if isinstance(body, bytes) else body.encode()
    )


def as_datetimes(params: dict[str, Any]) -> dict[str, Any]:
    """``params`` as a user writes them: top-level times as datetimes."""
    return {key: as_datetime(key, value) for key, value in params.items()}


def as_datetime(key: str, value: Any) -> Any:
    is_time = key.endswith(("After", "Before")) and isinstance(value, float)
    return datetime.fromtimestamp(value, UTC) if is_time else value


@pytest.mark.parametrize("operation", REQUESTS)
@BUDGET
@given(data=st.data())
def test_we_read_what_botocore_writes(operation: str, data: st.DataObject, loose: Callable[..., Any]) -> None:
    ours, model, theirs = loose("sagemaker")
    params = data.draw(values(model, model.operations[operation]["input"]["shape"]))
    request = sent_by_botocore(theirs, operation, params)
    assert ours.operation_of(request) == operation
    assert ours.operation(operation).parse(request) == params


@pytest.mark.parametrize(("service", "operation"), REST_REQUESTS)
@BUDGET
@given(data=st.data())
def test_we_read_what_botocore_writes_in_rest(
    service: str, operation: str, data: st.DataObject, loose: Callable[..., Any]
) -> None:
    ours, model, theirs = loose(service)
    params = data.draw(values(model, model.operations[operation]["input"]["shape"]))
    request = sent_by_botocore(theirs, operation, params)
    parsed = ours.operation(operation).parse(request)
    if params.get("Body") == b"" and "Body" not in parsed:
        del params["Body"]  # an optional empty blob is no blob
    assert ours.operation_of(request) == operation
    assert parsed | {"ContentType": None} == params | {"ContentType": None}  # botocore adds a content type of its own


@pytest.mark.parametrize("operation", REPLIES)
@BUDGET
@given(data=st.data())
def test_botocore_reads_what_we_write(operation: str, data: st.DataObject, loose: Callable[..., Any]) -> None:
    ours, model, theirs = loose("sagemaker")
    output = data.draw(values(model, model.operations[operation]["output"]["shape"]))
    reply = ours.operation(operation).reply(output)
    sent = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body, "context": {}}
    parsed = create_parser("json").parse(sent, theirs.operation_model(operation).output_shape)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == reply.headers["x-amzn-RequestId"]
    assert in_epoch_seconds(parsed) == output


def in_epoch_seconds(value: Any) -> Any:
    match value:
        case dict():
            return {key: in_epoch_seconds(item) for key, item in value.items()}
        case list():
            return [in_epoch_seconds(item) for item in value]
        case datetime():
            return value.timestamp()
    return value


def test_every_sagemaker_service_speaks_a_protocol_of_ours() -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    names = [name for name in loader.list_available_services("service-2") if name.startswith("sagemaker")]
    protocols = {loader.load_service_model(name, "service-2")["metadata"]["protocol"] for name in names}
    assert protocols == set(PROTOCOLS)
