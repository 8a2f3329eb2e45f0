"""The expression language of Search: what SQL finds is what reading each document finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.arns import Scope
from emulator.errors import ValidationException
from emulator.sagemaker.search.expression import read
from emulator.sagemaker.search.flatten import facts_of
from emulator.sagemaker.search.properties import properties_of
from emulator.state import searching
from emulator.state.search import Fact, Mark, Search
from emulator.state.sql import SqlStore
from emulator.state.store import Key, Resource

HERE = Scope("123456789012", "us-east-1")
JOBS = properties_of("TrainingJob")

Job = dict[str, Any]


class AsRequested:
    """Resources that can be found by what their request says."""

    def properties(self, resource: Resource) -> Mapping[str, Any]:
        return resource.request

    def facts(self, name: str, value: Any) -> Iterator[Fact]:
        return facts_of(name, value)


NUMBERS = ["0.1", "0.5", "-0.5", "-1", "1", "1.0", "2.7", "10", "1e1"]
WORDS = ["a", "ab", "B", "b c", "10"]

channel = st.fixed_dictionaries(
    {"ChannelName": st.sampled_from(WORDS)}, optional={"ContentType": st.sampled_from(WORDS)}
)
job: st.SearchStrategy[Job] = st.fixed_dictionaries(
    {"RoleArn": st.sampled_from(WORDS), "EnableNetworkIsolation": st.booleans()},
    optional={
        "TrainingTimeInSeconds": st.integers(0, 3),
        "TrainingStartTime": st.integers(0, 3).map(float),
        "HyperParameters": st.fixed_dictionaries({}, optional={"eta": st.sampled_from(NUMBERS + WORDS)}),
        "InputDataConfig": st.lists(channel, max_size=3),
        "FinalMetricDataList": st.sampled_from([0.5, 1.0, 2.5]).map(lambda v: [{"MetricName": "auc", "Value": v}]),
        "Tags": st.fixed_dictionaries({}, optional={"team": st.sampled_from(WORDS)}),
    },
)

TIMES = {"1970-01-01T00:00:01": 1.0, "1970-01-01T00:00:02Z": 2.0, "1970-01-01T01:00:03+01:00": 3.0}
ORDERS = ["GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
ANY = ["Equals", "NotEquals", "Exists", "NotExists"]


def filters(name: str, operators: list[str], values: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {"Name": st.just(name), "Operator": st.sampled_from(operators), "Value": st.sampled_from(values)}
    )


text = [*ANY, "In", "Contains"]
simple = st.one_of(
    filters("RoleArn", text, [*WORDS, "a,B", "a, 10"]),
    filters("Tags.team", text, [*WORDS, "a,B"]),
    filters("EnableNetworkIsolation", ANY, ["true", "False"]),
    filters("TrainingTimeInSeconds", ANY + ORDERS, ["0", "1", "1.5", "2"]),
    filters("TrainingStartTime", ANY + ORDERS, list(TIMES)),
    filters("HyperParameters.eta", ANY + ORDERS, NUMBERS),
    filters("HyperParameters.eta", text, WORDS),
    filters("Metrics.auc", ANY + ORDERS, ["0.5", "1", "2"]),
    filters("InputDataConfig.ChannelName", text, WORDS),
)
on_channel = st.one_of(
    filters("InputDataConfig.ChannelName", text, WORDS), filters("InputDataConfig.ContentType", text, WORDS)
)
nested = st.fixed_dictionaries(
    {"NestedPropertyName": st.just("InputDataConfig"), "Filters": st.lists(on_channel, min_size=1, max_size=3)}
)


def expressions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = {
        "Filters": st.lists(simple, min_size=1, max_size=3),
        "NestedFilters": st.lists(nested, min_size=1, max_size=2),
        "SubExpressions": st.lists(inner, min_size=1, max_size=2),
    }
    asked = st.fixed_dictionaries({}, optional={**parts, "Operator": st.sampled_from(["And", "Or"])})
    return asked.filter(lambda one: any(part in one for part in parts))


leaf = st.fixed_dictionaries({"Filters": st.lists(simple, min_size=1, max_size=3)})
expression = st.recursive(leaf, expressions, max_leaves=4)
SORTS = ["RoleArn", "HyperParameters.eta", "Metrics.auc", "TrainingTimeInSeconds"]


def values(one: Job, name: str) -> list[Any]:
    """Every value of a property, as the document has it."""
    head, _, rest = name.partition(".")
    if head == "Metrics":
        return [metric["Value"] for metric in one.get("FinalMetricDataList", ()) if metric["MetricName"] == rest]
    if head == "InputDataConfig":
        return [each[rest] for each in one.get(head, ()) if rest in each]
    if head in ("HyperParameters", "Tags"):
        return [one[head][rest]] if rest in one.get(head, {}) else []
    return [one[head]] if head in one else []


def as_number(value: Any) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def compares(operator: str, left: Any, right: Any) -> bool:
    return {
        "Equals": left == right,
        "GreaterThan": left > right,
        "GreaterThanOrEqualTo": left >= right,
        "LessThan": left < right,
        "LessThanOrEqualTo": left <= right,
    }[operator]


def one_passes(operator: str, found: Any, wanted: str, name: str) -> bool:
    if operator == "In":
        return found in [part.strip() for part in wanted.split(",")]
    if operator == "Contains":
        return wanted in found
    if isinstance(found, bool):
        return found == (wanted.lower() == "true")
    if name == "TrainingStartTime":
        return compares(operator, found, TIMES[wanted])
    if not isinstance(found, str):
        return compares(operator, found, float(wanted))
    number, bound = as_number(found), as_number(wanted)
    if name != "HyperParameters.eta" or bound is None:
        return found == wanted
    if number is None:
        return False
    whole = "." not in wanted and "e" not in wanted
    return compares(operator, int(number) if whole else number, int(bound) if whole else bound)


def passes(one: Job, asked: Mapping[str, str]) -> bool:
    name, operator = asked["Name"], asked["Operator"]
    found = values(one, name)
    if operator in ("Exists", "NotExists"):
        return bool(found) == (operator == "Exists")
    if operator == "NotEquals":
        return not any(one_passes("Equals", each, asked["Value"], name) for each in found)
    return any(one_passes(operator, each, asked["Value"], name) for each in found)


def satisfies(one: Job, asked: Mapping[str, Any]) -> bool:
    """The expression, read literally."""
    parts = [passes(one, each) for each in asked.get("Filters", ())]
    for each in asked.get("NestedFilters", ()):
        elements = [{"InputDataConfig": [element]} for element in one.get("InputDataConfig", ())]
        parts.append(any(all(passes(element, inner) for inner in each["Filters"]) for element in elements))
    parts += [satisfies(one, each) for each in asked.get("SubExpressions", ())]
    return any(parts) if asked.get("Operator") == "Or" else all(parts)


def in_order(jobs: list[Job], sort: str, descending: bool) -> list[int]:
    """The numbers of jobs as a search orders them: numbers before texts, what has no value last."""

    def place(number: int) -> tuple[float, str, int]:
        (value,) = values(jobs[number], sort)
        found = as_number(value) if sort != "RoleArn" else None
        return (float("inf") if found is None else found, value if isinstance(value, str) else "", number)

    having = [number for number, one in enumerate(jobs) if values(one, sort)]
    lacking = [number for number, one in enumerate(jobs) if not values(one, sort)]
    return [*sorted(having, key=place, reverse=descending), *sorted(lacking, reverse=descending)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    made = SqlStore.file(tmp_path_factory.mktemp("state") / "state.db", findable=AsRequested())
    yield made
    made.close()


def resource(number: int, one: Job) -> Resource:
    name = f"job-{number}"
    request = {member: value for member, value in one.items() if member != "Tags"}
    return Resource(Key(HERE, "training-job", name), name, f"arn:{name}", "Completed", 1.0, 1.0, request)


def found(store: SqlStore, search: Search, size: int) -> list[int]:
    names: list[str] = []
    after: Mark | None = None
    while page := store.search(search, size, after):
        names += [each.resource.key.name for each in page]
        after = page[-1].mark
    return [int(name.removeprefix("job-")) for name in names]


@pytest.mark.parametrize(("few", "soon"), [(2_000, 5_000), (3, 2), (0, 2), (0, 5_000)])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(job, min_size=1, max_size=12), expression, st.sampled_from(SORTS), st.booleans())
def test_a_search_finds_what_the_documents_say_in_every_way_it_takes(
    store: SqlStore,
    few: int,
    soon: int,
    jobs: list[Job],
    expression: dict[str, Any],
    sort: str,
    descending: bool,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "_FEW", few)
        patch.setattr(searching, "_SOON", soon)
        store.clear()
        for number, one in enumerate(jobs):
            store.insert(resource(number, one), tags=one.get("Tags"))
        try:
            condition = read(expression, JOBS)
        except ValidationException as refused:
            assert "CONTAINS" in refused.message  # noqa: PT017 - asked for twice by chance
            return
        expected = [number for number in in_order(jobs, sort, descending) if satisfies(jobs[number], expression)]
        assert found(store, Search(HERE, "training-job", condition, sort, descending), 5) == expected


def test_properties_are_those_of_the_service_model() -> None:
    assert JOBS.require("ResourceConfig.InstanceType").kind == "text"
    assert JOBS.require("CreationTime").kind == "timestamp"
    assert JOBS.require("BillableTimeInSeconds").kind == "number"
    assert JOBS.require("EnableManagedSpotTraining").kind == "boolean"
    assert JOBS.require("Metrics.validation:rmse").kind == "number"
    assert JOBS.require("Environment.A.B").kind == "text"
    assert JOBS.require("InputDataConfig.DataSource.S3DataSource.S3Uri").listed
    assert JOBS.require_list("SecondaryStatusTransitions") == "SecondaryStatusTransitions"
    for unknown in ("", "Tags.", "ResourceConfig", "ResourceConfig.Size", "Metrics"):
        with pytest.raises(ValidationException):
            JOBS.require(unknown)
    with pytest.raises(ValidationException):
        JOBS.require_list("VpcConfig.Subnets")


def test_a_list_in_an_element_belongs_to_that_element() -> None:
    channels = [{"ChannelName": "train", "InstanceGroupNames": ["a", "b"]}, {"ChannelName": "test"}]
    assert list(facts_of("InputDataConfig", channels)) == [
        Fact("InputDataConfig", position=1),
        Fact("InputDataConfig.ChannelName", "train", position=1),
        Fact("InputDataConfig.InstanceGroupNames", "a", position=1),
        Fact("InputDataConfig.InstanceGroupNames", "b", position=1),
        Fact("InputDataConfig", position=2),
        Fact("InputDataConfig.ChannelName", "test", position=2),
    ]


def test_a_metric_that_is_no_number_cannot_be_found() -> None:
    metrics = [{"MetricName": "loss", "Value": float("nan")}]
    assert [fact.name for fact in facts_of("FinalMetricDataList", metrics)] == [
        "FinalMetricDataList",
        "FinalMetricDataList.MetricName",
    ]


def test_nested_filters_speak_of_their_own_list() -> None:
    asked = {
        "NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": [{"Name": "RoleArn", "Value": "a"}]}]
    }
    with pytest.raises(ValidationException, match="RoleArn"):
        read(asked, JOBS)


def deep(levels: int) -> dict[str, Any]:
    """An expression of that many levels below the first, of operators in turn."""
    asked: dict[str, Any] = {"Filters": [{"Name": "TrainingJobName", "Value": "job"}]}
    for level in range(levels):
        others = [{"Name": "TrainingJobName", "Operator": "NotEquals", "Value": str(level)}]
        asked = {"Operator": ("And", "Or")[level % 2], "Filters": others, "SubExpressions": [asked]}
    return asked


def test_what_is_nested_as_deep_as_is_let_through_can_be_asked(tmp_path: Path) -> None:
    store = SqlStore.file(tmp_path / "state.db", findable=AsRequested())
    assert store.search(Search(HERE, "training-job", read(deep(25), JOBS), "LastModifiedTime"), 1) == []
    store.close()


@pytest.mark.parametrize("levels", [26, 10_000])
def test_what_is_nested_deeper_is_refused(levels: int) -> None:
    with pytest.raises(ValidationException, match="at most 25 levels"):
        read(deep(levels), JOBS)
