"""Search over training jobs, and what it suggests to search by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running import RunningEmulator, ended, training_request

NAMES = [f"{colour}-{number}" for number in range(4) for colour in ("red", "Green", "blue")]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator with twelve training jobs that failed for want of an image, which differ in eta and tags."""
    running = RunningEmulator("process", tmp_path_factory.mktemp("data")).start()
    running.client("s3").create_bucket(Bucket="bucket")
    for prefix in ("train", "validation"):
        running.client("s3").put_object(Bucket="bucket", Key=f"{prefix}/a.csv", Body=b"1,2\n")
    sagemaker = running.client("sagemaker")
    for number, name in enumerate(NAMES):
        request = training_request(name, "bucket", image="no-such-image")
        request["HyperParameters"] = {"eta": str(number / 10)}
        request["Tags"] = [{"Key": "colour", "Value": name.partition("-")[0]}]
        sagemaker.create_training_job(**request)
    for name in NAMES:
        ended(sagemaker, name)
    yield running
    assert running.stop() == 0


def search(sagemaker: Any, *filters: dict[str, str], **asked: Any) -> list[str]:
    if filters:
        asked["SearchExpression"] = {"Filters": list(filters)}
    results = sagemaker.search(Resource="TrainingJob", MaxResults=100, **asked)["Results"]
    return [result["TrainingJob"]["TrainingJobName"] for result in results]


def where(name: str, operator: str, value: str | None = None) -> dict[str, str]:
    return {"Name": name, "Operator": operator} | ({} if value is None else {"Value": value})


def test_a_result_is_what_describe_shows_with_the_tags(sagemaker: Any) -> None:
    answer = sagemaker.search(
        Resource="TrainingJob", SearchExpression={"Filters": [{"Name": "TrainingJobName", "Value": "red-0"}]}
    )
    (result,) = answer["Results"]
    described = sagemaker.describe_training_job(TrainingJobName="red-0")
    del described["ResponseMetadata"]
    assert result["TrainingJob"] == {**described, "Tags": [{"Key": "colour", "Value": "red"}]}
    assert answer["TotalHits"] == {"Value": 1, "Relation": "EqualTo"}
    assert "NextToken" not in answer


def test_each_operator_finds_its_jobs(sagemaker: Any) -> None:
    assert sorted(search(sagemaker, where("Tags.colour", "Equals", "red"))) == [f"red-{n}" for n in range(4)]
    assert len(search(sagemaker, where("Tags.colour", "NotEquals", "red"))) == 8
    assert len(search(sagemaker, where("Tags.colour", "In", "red, blue,pink"))) == 8
    assert sorted(search(sagemaker, where("TrainingJobName", "Contains", "een-3"))) == ["Green-3"]
    assert search(sagemaker, where("Tags.owner", "Exists")) == []
    assert len(search(sagemaker, where("Tags.owner", "NotExists"))) == 12
    assert len(search(sagemaker, where("HyperParameters.eta", "GreaterThan", "0.3"))) == 8
    assert len(search(sagemaker, where("HyperParameters.eta", "GreaterThanOrEqualTo", "0.30"))) == 9
    assert len(search(sagemaker, where("HyperParameters.eta", "LessThan", "0.3"))) == 3
    assert len(search(sagemaker, where("ResourceConfig.VolumeSizeInGB", "LessThanOrEqualTo", "1"))) == 12
    assert len(search(sagemaker, where("EnableNetworkIsolation", "Equals", "false"))) == 12


def test_times_are_compared_as_iso_8601(sagemaker: Any) -> None:
    now = datetime.now(UTC)
    before, after = (now + timedelta(hours=hours) for hours in (-1, 1))
    assert len(search(sagemaker, where("CreationTime", "GreaterThan", f"{before:%Y-%m-%dT%H:%M:%S}"))) == 12
    assert len(search(sagemaker, where("LastModifiedTime", "LessThan", f"{after:%Y-%m-%dT%H:%M:%SZ}"))) == 12
    assert search(sagemaker, where("CreationTime", "GreaterThan", f"{after:%Y-%m-%dT%H:%M:%S}+00:00")) == []


def test_one_element_of_a_list_must_satisfy_all_nested_filters(sagemaker: Any) -> None:
    def nested(channel: str, uri: str) -> list[str]:
        filters = [
            where("InputDataConfig.ChannelName", "Equals", channel),
            where("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", uri),
        ]
        asked = {"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]}
        return search(sagemaker, SearchExpression=asked)

    assert len(nested("train", "bucket/train")) == 12
    assert nested("train", "bucket/validation") == []


def test_expressions_are_joined_by_and_unless_or_is_asked_for(sagemaker: Any) -> None:
    low, red = where("HyperParameters.eta", "LessThan", "0.2"), where("Tags.colour", "Equals", "red")
    assert search(sagemaker, low, red) == ["red-0"]
    assert len(search(sagemaker, SearchExpression={"Filters": [low, red], "Operator": "Or"})) == 5
    inner = {"SubExpressions": [{"Filters": [low]}, {"Filters": [red]}], "Operator": "Or"}
    assert len(search(sagemaker, SearchExpression={"SubExpressions": [inner]})) == 5


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize("sort", ["TrainingJobName", "HyperParameters.eta", "CreationTime", "Metrics.none"])
def test_pages_in_any_order_hold_everything_once(sagemaker: Any, sort: str, order: str) -> None:
    pages = sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob", SortBy=sort, SortOrder=order, PaginationConfig={"PageSize": 5}
    )
    found = [result["TrainingJob"]["TrainingJobName"] for page in pages for result in page["Results"]]
    expected = sorted(NAMES) if sort == "TrainingJobName" else NAMES
    assert found == (expected if order == "Ascending" else expected[::-1])


def test_what_was_modified_last_comes_first_by_default(sagemaker: Any) -> None:
    found = sagemaker.search(Resource="TrainingJob")["Results"]
    times = [result["TrainingJob"]["LastModifiedTime"] for result in found]
    assert (len(times), times) == (10, sorted(times, reverse=True))


def test_a_token_belongs_to_one_search(sagemaker: Any) -> None:
    token = sagemaker.search(Resource="TrainingJob", MaxResults=2)["NextToken"]
    for asked in ({"SortBy": "CreationTime"}, {"SearchExpression": {"Filters": [where("RoleArn", "Exists")]}}):
        with pytest.raises(ClientError, match="Invalid NextToken"):
            sagemaker.search(Resource="TrainingJob", NextToken=token, **asked)


def test_a_changed_tag_is_found_by_its_new_value(sagemaker: Any) -> None:
    arn = sagemaker.describe_training_job(TrainingJobName="blue-0")["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "mood", "Value": "good"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "mood", "Value": "better"}])
    assert search(sagemaker, where("Tags.mood", "Equals", "good")) == []
    assert search(sagemaker, where("Tags.mood", "Equals", "better")) == ["blue-0"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["mood"])
    assert search(sagemaker, where("Tags.mood", "Exists")) == []


def test_visibility_conditions_hide_what_has_the_tag_with_another_value(sagemaker: Any) -> None:
    assert len(search(sagemaker, VisibilityConditions=[{"Key": "Tags.colour", "Value": "red"}])) == 4
    assert len(search(sagemaker, VisibilityConditions=[{"Key": "Tags.owner", "Value": "me"}])) == 12


def test_no_other_account_shares_anything(sagemaker: Any) -> None:
    assert search(sagemaker, CrossAccountFilterOption="CrossAccount") == []


def test_names_of_hyperparameters_metrics_and_tags_are_suggested(sagemaker: Any) -> None:
    def suggested(hint: str) -> list[str]:
        query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
        answer = sagemaker.get_search_suggestions(Resource="TrainingJob", SuggestionQuery=query)
        return [each["PropertyName"] for each in answer["PropertyNameSuggestions"]]

    assert suggested("Hyper") == ["HyperParameters.eta"]
    assert suggested("HyperParameters.x") == []
    assert suggested("") == ["HyperParameters.eta", "Tags.colour"]


REFUSED = {
    "an unknown property": ([where("Nothing", "Exists")], "Nothing"),
    "an unknown member": ([where("ResourceConfig.Nothing", "Exists")], "ResourceConfig.Nothing"),
    "no value": ([where("RoleArn", "Equals")], "RoleArn"),
    "text for a number": ([where("ResourceConfig.InstanceCount", "Equals", "one")], "ResourceConfig.InstanceCount"),
    "text for a time": ([where("CreationTime", "LessThan", "now")], "CreationTime"),
    "an order of texts": ([where("RoleArn", "LessThan", "x")], "not supported for text"),
    "a part of a number": ([where("Metrics.auc", "Contains", "1")], "only supported for text"),
    "Contains twice": (
        [where("RoleArn", "Contains", "x"), where("RoleArn", "Contains", "y")],
        "'CONTAINS' operator usage limit of 1 exceeded.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(sagemaker: Any, case: str) -> None:
    filters, message = REFUSED[case]
    with pytest.raises(ClientError, match="ValidationException") as refused:
        search(sagemaker, *filters)
    assert message in str(refused.value)


def test_more_than_fifty_clauses_and_none_are_refused(sagemaker: Any) -> None:
    many = {"SubExpressions": [{"Filters": [where("RoleArn", "Exists")] * 17}] * 3}
    for expression in (many, {}):
        with pytest.raises(ClientError, match="ValidationException"):
            search(sagemaker, SearchExpression=expression)


def test_a_sort_by_many_values_or_none_is_refused(sagemaker: Any) -> None:
    for sort in ("InputDataConfig.ChannelName", "Nothing"):
        with pytest.raises(ClientError, match="ValidationException"):
            search(sagemaker, SortBy=sort)


def test_resources_that_are_not_built_answer_501(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as refused:
        sagemaker.search(Resource="Experiment")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_another_region_has_its_own(emulator: RunningEmulator) -> None:
    assert search(emulator.client("sagemaker", region="eu-west-1")) == []
