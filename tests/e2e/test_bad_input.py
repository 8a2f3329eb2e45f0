"""Bad input gets AWS's own error, and nothing is created."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.running import ROLE, XGBOOST, RunningEmulator, channel, training_request


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    running = RunningEmulator("process", tmp_path_factory.mktemp("data"), "--strict-iam").start()
    running.client("s3").create_bucket(Bucket="bucket")
    running.client("s3").put_object(Bucket="bucket", Key="train/a.csv", Body=b"1,2\n")
    running.client("s3").put_object(Bucket="bucket", Key="validation/a.csv", Body=b"1,2\n")
    yield running
    assert running.stop() == 0


@pytest.fixture
def unchecked(emulator: RunningEmulator) -> Any:
    """A client whose own validation is off, so that the emulator's answers."""
    return emulator.client("sagemaker", parameter_validation=False)


@pytest.fixture
def untouched(unchecked: Any) -> Iterator[None]:
    """After the test there is no training job, model, configuration or endpoint."""
    yield
    assert unchecked.list_training_jobs()["TrainingJobSummaries"] == []
    assert unchecked.list_models()["Models"] == []
    assert unchecked.list_endpoint_configs()["EndpointConfigs"] == []
    assert unchecked.list_endpoints()["Endpoints"] == []


def refusal(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def job(**members: Any) -> dict[str, Any]:
    return training_request(members.pop("TrainingJobName", "job"), "bucket", **members)


SOURCE = {"S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "None"}

pytestmark = pytest.mark.usefixtures("untouched")


@pytest.mark.parametrize("bad", ["-x", "a" * 64, "a_b", "no good", "", "a\n"])
def test_a_bad_name_is_refused_with_the_constraint(unchecked: Any, bad: str) -> None:
    code, message = refusal(unchecked.create_training_job, **job(TrainingJobName=bad))
    assert code == "ValidationException"
    assert "at 'trainingJobName' failed to satisfy constraint: Member must" in message


def test_several_errors_come_in_one_message(unchecked: Any) -> None:
    request = job(TrainingJobName="no good", RoleArn="not-the-arn-of-any-role")
    request["ResourceConfig"]["InstanceType"] = "ml.toaster.large"
    code, message = refusal(unchecked.create_training_job, **request)
    assert code == "ValidationException"
    assert message.startswith("3 validation errors detected: ")
    for where in ("trainingJobName", "roleArn", "resourceConfig.instanceType"):
        assert f"at '{where}' failed to satisfy constraint" in message


def test_a_missing_member_is_named(unchecked: Any) -> None:
    request = job()
    del request["RoleArn"]
    code, message = refusal(unchecked.create_training_job, **request)
    assert code == "ValidationException"
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in message


def test_a_bucket_that_does_not_exist_is_refused_in_the_services_words(unchecked: Any) -> None:
    code, message = refusal(unchecked.create_training_job, **job(InputDataConfig=[channel("train", "s3://nobody/x")]))
    assert code == "ValidationException"
    assert message == (
        'No S3 objects found under S3 URL "s3://nobody/x" given in input data source. Please ensure that the bucket '
        "exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role "
        f'"{ROLE}" has "s3:ListBucket" permissions on bucket "nobody". Error message from S3: '
        "The specified bucket does not exist"
    )


def test_an_empty_prefix_is_refused(unchecked: Any) -> None:
    request = job(InputDataConfig=[channel("train", "s3://bucket/nothing/")])
    code, message = refusal(unchecked.create_training_job, **request)
    assert code == "ValidationException"
    assert message.startswith('No S3 objects found under S3 URL "s3://bucket/nothing/"')
    assert "Error message from S3" not in message


def test_a_role_that_sagemaker_may_not_assume_is_refused(emulator: RunningEmulator, unchecked: Any) -> None:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    arn = emulator.client("iam").create_role(RoleName="Other", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
        "Arn"
    ]
    for bad in (arn, "arn:aws:iam::123456789012:role/Nobody"):
        code, message = refusal(unchecked.create_training_job, **job(RoleArn=bad))
        assert code == "ValidationException"
        assert message == (
            f"Could not assume role {bad}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )
    container = {"Image": XGBOOST}
    assert (
        "Could not assume role"
        in refusal(unchecked.create_model, ModelName="m", PrimaryContainer=container, ExecutionRoleArn=arn)[1]
    )


ONE_INSTANCE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
PLAN = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/mine"
RULE = {"RuleConfigurationName": "rule", "RuleEvaluatorImage": "image"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"AlgorithmSpecification": {"AlgorithmName": "mine", "TrainingInputMode": "File"}}, "AlgorithmName"),
        ({"ResourceConfig": {**ONE_INSTANCE, "TrainingPlanArn": PLAN}}, "training plans"),
        ({"DebugRuleConfigurations": [RULE]}, "Debugger rules"),
    ],
)
def test_what_is_not_built_answers_501_and_says_so(unchecked: Any, members: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError) as caught:
        unchecked.create_training_job(**job(**members))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert words in caught.value.response["Error"]["Message"]
    assert "not built" in caught.value.response["Error"]["Message"]


def test_channels_of_one_name_and_bad_expressions_are_refused(unchecked: Any) -> None:
    twice = [channel("train", "s3://bucket/train"), channel("train", "s3://bucket/validation")]
    assert "unique" in refusal(unchecked.create_training_job, **job(InputDataConfig=twice))[1]
    algorithm = {
        "TrainingImage": XGBOOST,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "m", "Regex": "("}],
    }
    assert "regular expression" in refusal(unchecked.create_training_job, **job(AlgorithmSpecification=algorithm))[1]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 0, "VolumeSizeInGB": 1}}, "instanceCount"),
        ({"InputDataConfig": [channel("..", "s3://bucket/train")]}, "cannot be called"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 2419201}}, "28 days"),
        ({"Tags": [{"Key": "aws:mine", "Value": "x"}]}, "aws: prefixed tag key"),
    ],
)
def test_values_that_the_model_lets_through_and_the_service_does_not(
    unchecked: Any, members: dict[str, Any], words: str
) -> None:
    code, message = refusal(unchecked.create_training_job, **job(**members))
    assert (code, words in message) == ("ValidationException", True), message


def test_unknown_names_are_refused_in_each_nouns_words(unchecked: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012"
    expected = {
        (unchecked.describe_training_job, "TrainingJobName"): "Requested resource not found.",
        (unchecked.stop_training_job, "TrainingJobName"): "Requested resource not found.",
        (unchecked.delete_training_job, "TrainingJobName"): "Requested resource not found.",
        (unchecked.describe_model, "ModelName"): f'Could not find model "{arn}:model/x".',
        (unchecked.delete_model, "ModelName"): f'Could not find model "{arn}:model/x".',
        (unchecked.describe_endpoint_config, "EndpointConfigName"): (
            f'Could not find endpoint configuration "{arn}:endpoint-config/x".'
        ),
        (unchecked.describe_endpoint, "EndpointName"): f'Could not find endpoint "{arn}:endpoint/x".',
        (unchecked.delete_endpoint, "EndpointName"): f'Could not find endpoint "{arn}:endpoint/x".',
    }
    for (call, member), message in expected.items():
        assert refusal(call, **{member: "x"}) == ("ValidationException", message)


def test_models_and_endpoints_need_what_they_speak_of(unchecked: Any) -> None:
    missing = {"Image": XGBOOST, "ModelDataUrl": "s3://bucket/none.tar.gz"}
    both = {"Image": XGBOOST, "ModelDataUrl": "s3://b/k", "ModelDataSource": {"S3DataSource": SOURCE}}
    code, message = refusal(unchecked.create_model, ModelName="m", PrimaryContainer=both, ExecutionRoleArn=ROLE)
    assert (code, "not both" in message) == ("ValidationException", True)
    assert refusal(unchecked.create_model, ModelName="m", PrimaryContainer=missing, ExecutionRoleArn=ROLE) == (
        "ValidationException",
        "Could not find model data at s3://bucket/none.tar.gz.",
    )
    variants = [{"VariantName": "v", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    code, message = refusal(unchecked.create_endpoint_config, EndpointConfigName="c", ProductionVariants=variants)
    assert (code, message.startswith("Could not find model ")) == ("ValidationException", True)
    code, message = refusal(unchecked.create_endpoint, EndpointName="e", EndpointConfigName="none")
    assert (code, message.startswith("Could not find endpoint configuration ")) == ("ValidationException", True)


def test_tags_of_nothing_are_refused(unchecked: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/none"
    assert refusal(unchecked.list_tags, ResourceArn=arn)[0] == "ValidationException"
    assert refusal(unchecked.add_tags, ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])[0] == "ValidationException"


def test_tags_of_another_region_are_out_of_reach(emulator: RunningEmulator, unchecked: Any) -> None:
    model = {"ModelName": "mine", "PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": ROLE}
    arn = unchecked.create_model(**model)["ModelArn"]
    try:
        elsewhere = emulator.client("sagemaker", region="eu-west-1")
        assert refusal(elsewhere.list_tags, ResourceArn=arn)[0] == "ValidationException"
    finally:
        unchecked.delete_model(ModelName="mine")


def test_a_bad_token_is_refused(unchecked: Any) -> None:
    for token in ("x", "WzFd", "bnVsbA=="):
        assert refusal(unchecked.list_training_jobs, NextToken=token)[0] == "ValidationException"


def post(emulator: RunningEmulator, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=30)
    connection.request("POST", "/", body, headers)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    return reply.status, answer


SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"TrainingJobName": {}}', b"nonsense"])
def test_malformed_json_is_a_serialization_error(emulator: RunningEmulator, body: bytes) -> None:
    target = {"X-Amz-Target": "SageMaker.DescribeTrainingJob", "Content-Type": "application/x-amz-json-1.1"}
    status, answer = post(emulator, body, Authorization=SIGNED, **target)
    assert (status, answer["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("target", ["SageMaker.MakeCoffee", "Nonsense", "SageMaker.", "Other.DescribeTrainingJob"])
def test_an_unknown_target_is_an_unknown_operation(emulator: RunningEmulator, target: str) -> None:
    status, answer = post(emulator, b"{}", Authorization=SIGNED, **{"X-Amz-Target": target})
    assert (status, answer["__type"]) == (400, "UnknownOperationException")


def test_an_operation_that_is_not_built_answers_501_in_every_protocol(emulator: RunningEmulator) -> None:
    calls = [
        lambda: emulator.client("sagemaker").list_hubs(),
        lambda: emulator.client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName="g", RecordIdentifierValueAsString="1"
        ),
        lambda: emulator.client("iam").generate_service_last_accessed_details(Arn="a" * 20),
        lambda: emulator.client("sqs").list_message_move_tasks(SourceArn="arn:aws:sqs:us-east-1:123456789012:q"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501, caught.value


def test_accounts_and_regions_do_not_see_each_other(emulator: RunningEmulator) -> None:
    here = emulator.client("sagemaker")
    elsewhere = emulator.client("sagemaker", region="eu-west-1")
    here.create_model(ModelName="mine", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)
    try:
        assert elsewhere.list_models()["Models"] == []
        assert refusal(elsewhere.describe_model, ModelName="mine")[0] == "ValidationException"
    finally:
        here.delete_model(ModelName="mine")


def test_duplicates_are_refused_in_each_nouns_words(unchecked: Any) -> None:
    unchecked.create_model(ModelName="twice", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)
    try:
        code, message = refusal(
            unchecked.create_model, ModelName="twice", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE
        )
        assert code == "ValidationException"
        assert message == (
            'Cannot create already existing model "arn:aws:sagemaker:us-east-1:123456789012:model/twice".'
        )
    finally:
        unchecked.delete_model(ModelName="twice")


def test_a_request_over_the_limit_is_refused(emulator: RunningEmulator) -> None:
    target = {"X-Amz-Target": "SageMaker.DescribeTrainingJob"}
    status, answer = post(emulator, b" " * (5 << 20), Authorization=SIGNED, **target)
    assert (status, answer["__type"]) == (413, "RequestEntityTooLarge")


def test_without_strict_iam_an_unknown_role_is_made_on_first_use(tmp_path: Path) -> None:
    lax = RunningEmulator("process", tmp_path).start()
    try:
        arn = "arn:aws:iam::123456789012:role/team/NewRole"
        lax.client("sagemaker").create_model(ModelName="m", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=arn)
        role = lax.client("iam").get_role(RoleName="NewRole")["Role"]
        assert (role["Arn"], role["Path"]) == (arn, "/team/")
        assert "sagemaker.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
    finally:
        assert lax.stop() == 0
