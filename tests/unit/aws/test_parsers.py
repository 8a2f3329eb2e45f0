"""What the control plane refuses, told as AWS tells it: code, path and kind of every broken demand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.arns import Scope
from emulator.aws import Operation, WireRequest
from emulator.aws.model import Model
from emulator.aws.parsers import Parsers
from emulator.errors import AwsError, SerializationException

Make = Callable[..., WireRequest]
Parse = Callable[[str, Any], dict[str, Any]]


@pytest.fixture
def parse(serve: Callable[..., Any], target: Make) -> Parse:
    """Parses a JSON document as the input of an operation."""
    sagemaker = serve("sagemaker", {})

    def parse(name: str, document: Any) -> dict[str, Any]:
        operation: Operation = sagemaker.operation(name)
        return operation.parse(target(name, json.dumps(document).encode()))

    return parse


@pytest.fixture
def refusal(parse: Parse) -> Callable[[str, Any], str]:
    """The validation message for a JSON document, which must be refused."""

    def refusal(name: str, document: Any) -> str:
        with pytest.raises(AwsError) as caught:
            parse(name, document)
        assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
        return caught.value.message

    return refusal


def test_a_good_request_comes_out_as_it_went_in(parse: Parse, training_job: dict[str, Any]) -> None:
    assert parse("CreateTrainingJob", training_job) == training_job


def test_members_that_the_model_does_not_know_and_nulls_are_dropped(parse: Parse, training_job: dict[str, Any]) -> None:
    sent = training_job | {"Nonesuch": 1, "Tags": None}
    assert parse("CreateTrainingJob", sent) == training_job


def test_two_mistakes_make_one_message(refusal: Callable[..., str], training_job: dict[str, Any]) -> None:
    message = refusal(
        "CreateTrainingJob", training_job | {"TrainingJobName": "no_good", "RoleArn": "role/of/no/account/at/all"}
    )
    assert message.startswith("2 validation errors detected: Value 'no_good' at 'trainingJobName' failed to satisfy")
    assert "; Value 'role/of/no/account/at/all' at 'roleArn' failed to satisfy constraint: Member must" in message


def test_a_missing_member_is_null(refusal: Callable[..., str], training_job: dict[str, Any]) -> None:
    del training_job["RoleArn"], training_job["OutputDataConfig"]["S3OutputPath"]
    message = refusal("CreateTrainingJob", training_job)
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in message
    assert "Value null at 'outputDataConfig.s3OutputPath'" in message


def test_a_nested_enum_and_range_are_told_with_their_paths(
    refusal: Callable[..., str], training_job: dict[str, Any]
) -> None:
    training_job["ResourceConfig"] |= {"InstanceType": "ml.nonesuch", "InstanceCount": -1}
    message = refusal("CreateTrainingJob", training_job)
    assert "Value 'ml.nonesuch' at 'resourceConfig.instanceType'" in message
    assert "Member must satisfy enum value set: [" in message
    assert "Value '-1' at 'resourceConfig.instanceCount'" in message
    assert "Member must have value greater than or equal to 0" in message


def test_list_elements_are_counted_from_one(refusal: Callable[..., str]) -> None:
    variant = {"VariantName": "a", "ModelName": "m_m"}
    message = refusal("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant, variant]})
    assert re.findall(r"at '([^']*)'", message) == [
        "productionVariants.1.member.modelName",
        "productionVariants.2.member.modelName",
    ]


def test_a_list_that_is_too_short_is_printed(refusal: Callable[..., str]) -> None:
    message = refusal("CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": []})
    assert message == (
        "1 validation error detected: Value '[]' at 'productionVariants' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_a_bad_map_value_is_told_on_the_map(refusal: Callable[..., str], training_job: dict[str, Any]) -> None:
    message = refusal("CreateTrainingJob", training_job | {"HyperParameters": {"a": "1", "b": "x" * 2_501}})
    assert message.startswith("1 validation error detected: Value '{a=1, b=x")
    assert (
        "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: [Member must" in message
    )


def test_a_bad_map_key_is_told_on_the_map(refusal: Callable[..., str], training_job: dict[str, Any]) -> None:
    message = refusal("CreateTrainingJob", training_job | {"HyperParameters": {"k" * 257: "1"}})
    assert "at 'hyperParameters' failed to satisfy constraint: Map keys must satisfy constraint: [" in message


def test_bad_scalars_of_a_list_are_told_on_the_list(refusal: Callable[..., str]) -> None:
    message = refusal("DeleteTags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:1:x/y", "TagKeys": ["ok", "k" * 129]})
    assert "' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [" in message


def test_nulls_inside_lists_and_maps_are_refused(refusal: Callable[..., str], training_job: dict[str, Any]) -> None:
    sent = training_job | {"HyperParameters": {"a": None}, "Tags": [None]}
    message = refusal("CreateTrainingJob", sent)
    assert re.findall(r"Value null at '([^']*)'", message) == ["hyperParameters.a.member", "tags.1.member"]
    assert "'tagKeys.1.member'" in refusal(
        "DeleteTags", {"ResourceArn": "arn:aws:sagemaker:r:1:x/y", "TagKeys": [None]}
    )


def test_a_secret_is_never_repeated(refusal: Callable[..., str]) -> None:
    secret = "hunter2" * 200
    message = refusal("UpdateWorkforce", {"WorkforceName": "w", "OidcConfig": {"ClientSecret": secret}})
    assert "Value at 'oidcConfig.clientSecret' failed to satisfy constraint: Member must have length" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("fields", [{}, {"TextGenerationJobConfig": {}, "ImageClassificationJobConfig": {}}])
def test_a_union_holds_exactly_one_member(refusal: Callable[..., str], fields: dict[str, Any]) -> None:
    document = {
        "AutoMLJobName": "a",
        "AutoMLJobInputDataConfig": [{}],
        "OutputDataConfig": {"S3OutputPath": "s3://b"},
        "AutoMLProblemTypeConfig": fields,
        "RoleArn": "arn:aws:iam::123456789012:role/R",
    }
    assert "'autoMLProblemTypeConfig' failed to satisfy constraint: Member must have exactly one" in refusal(
        "CreateAutoMLJobV2", document
    )


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("TrainingJobName", 1, "NUMBER_VALUE can not be converted to a String"),
        ("TrainingJobName", {}, "Start of structure or map found where not expected."),
        ("HyperParameters", "x", "STRING_VALUE can not be converted to a Map"),
        ("HyperParameters", {"a": 1}, "NUMBER_VALUE can not be converted to a String"),
        ("ResourceConfig", [], "Start of list found where not expected."),
        ("Tags", {}, "Start of structure or map found where not expected."),
        ("EnableNetworkIsolation", "true", "STRING_VALUE can not be converted to a Boolean"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": "1"}, "STRING_VALUE can not be converted to an Integer"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": True}, "TRUE_VALUE can not be converted to an Integer"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": 1.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": 1 << 40}, "NUMBER_VALUE is out of range for Integer"),
    ],
)
def test_a_value_of_the_wrong_json_type_is_a_serialization_error(
    parse: Parse, training_job: dict[str, Any], member: str, value: Any, message: str
) -> None:
    with pytest.raises(SerializationException) as caught:
        parse("CreateTrainingJob", training_job | {member: value})
    assert caught.value.message == message


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_a_body_that_is_no_object_is_a_serialization_error(parse: Parse, document: Any) -> None:
    with pytest.raises(SerializationException):
        parse("CreateTrainingJob", document)


def test_a_timestamp_stays_a_number_of_epoch_seconds(parse: Parse) -> None:
    assert parse("ListTrainingJobs", {"CreationTimeAfter": 1_700_000_000}) == {"CreationTimeAfter": 1_700_000_000.0}
    for bad in ("2024-01-01T00:00:00Z", 1e300, True):
        with pytest.raises(SerializationException):
            parse("ListTrainingJobs", {"CreationTimeAfter": bad})


def test_a_shape_may_contain_itself() -> None:
    shapes = {"Tree": {"type": "structure", "members": {"Tree": {"shape": "Tree"}, "Leaf": {"shape": "Leaf"}}}}
    parse = Parsers(Model({}, {}, shapes | {"Leaf": {"type": "string"}})).of("Tree")
    assert parse({"Tree": {"Tree": {"Leaf": "a"}}}, "", []) == {"Tree": {"Tree": {"Leaf": "a"}}}


@pytest.mark.parametrize("depth", [200, 400, 100_000])
def test_a_document_that_nests_without_end_is_refused(
    serve: Callable[..., Any], target: Make, scope: Scope, depth: int
) -> None:
    expression = b'{"SubExpressions":[' * depth + b"{}" + b"]}" * depth
    sagemaker = serve("sagemaker", {"Search": lambda _call: {}})
    reply = sagemaker.handle(target("Search", b'{"Resource":"Endpoint","SearchExpression":' + expression + b"}"), scope)
    assert (reply.status, json.loads(reply.body)["__type"]) == (400, "SerializationException")


def test_many_threads_may_compile_one_model_at_once(models: Callable[[str], Model]) -> None:
    model = models("sagemaker")
    parsers = Parsers(model)
    names = [operation["input"]["shape"] for operation in model.operations.values() if "input" in operation]

    def refuse_nothing(name: str) -> bool:
        return isinstance(parsers.of(name)({}, "", []), dict)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(refuse_nothing, names * 2))
