from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.constraints import Constraint, compile_pattern, constraint, null_problem, problem, summary


def demands(**shape: Any) -> Constraint:
    found = constraint(shape)
    assert found is not None
    return found


def test_a_shape_without_traits_demands_nothing() -> None:
    assert constraint({"type": "string"}) is None


def test_length_limits_are_inclusive() -> None:
    text = demands(type="string", min=1, max=3)
    assert text.broken("") == ["Member must have length greater than or equal to 1"]
    assert text.broken("a") == text.broken("abc") == []
    assert text.broken("abcd") == ["Member must have length less than or equal to 3"]


def test_value_limits_are_inclusive() -> None:
    number = demands(type="integer", min=0, max=2)
    assert number.broken(-1) == ["Member must have value greater than or equal to 0"]
    assert number.broken(0) == number.broken(2) == []
    assert number.broken(3) == ["Member must have value less than or equal to 2"]


def test_a_pattern_must_match_the_whole_value() -> None:
    name = demands(type="string", pattern="[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
    assert name.broken("good-name") == []
    for bad in ("no_good", "good-name\n", "-good", ""):
        assert name.broken(bad) == [
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        ], bad


def test_an_enum_lists_its_values() -> None:
    mode = demands(type="string", enum=["Pipe", "File"])
    assert mode.broken("File") == []
    assert mode.broken("file") == ["Member must satisfy enum value set: [Pipe, File]"]


def test_every_broken_demand_is_told() -> None:
    assert len(demands(type="string", max=3, pattern="[a-z]*", enum=["a"]).broken("ABCD")) == 3


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"\d{2}", "12", "١٢"),  # Java's \d is ASCII
        (r"[\p{L}\p{N}]*", "naïve1", "a b"),  # general categories are not
        (r"\p{ASCII}*", "a\tb", "é"),
        (r"\p{Alnum}+", "a1", "é"),
        (r"\A\S[\p{Print}]*\z", "model.tar.gz", " model"),
        (r"([\p{L}_]*)${1,128}", "key", "k y"),
        (r"(?!^[.-])^([a-zA-Z0-9-_.]+)", "latest", ".latest"),
    ],
)
def test_java_patterns_mean_what_they_mean_in_java(pattern: str, good: str, bad: str) -> None:
    full_match = compile_pattern(pattern)
    assert full_match is not None
    assert full_match(good)
    assert not full_match(bad)


def test_a_pattern_that_no_engine_reads_is_not_enforced() -> None:
    assert compile_pattern("[\\uD800\\uDC00-\\uDBFF\\uDFFF]*") is None
    assert constraint({"type": "string", "pattern": "[\\uD800\\uDC00-\\uDBFF\\uDFFF]*"}) is None


def test_an_exponential_pattern_gives_up_instead_of_hanging() -> None:
    url = compile_pattern("https://([.\\-_a-zA-Z0-9]+/?){3,1016}")
    assert url is not None
    assert url("https://github.com/aws/amazon-sagemaker-examples.git")
    assert not url("https://github.com/aws/amazon-sagemaker-examples with a space.git")


def test_a_problem_reads_as_at_aws() -> None:
    assert problem("trainingJobName", "x_y", "Member must not be silly") == (
        "Value 'x_y' at 'trainingJobName' failed to satisfy constraint: Member must not be silly"
    )
    assert null_problem("roleArn") == "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        ([1, "b"], "[1, b]"),
        ({"a": "x", "b": [True]}, "{a=x, b=[true]}"),
        (b"\x00\x01", "2 bytes"),
    ],
)
def test_values_are_printed_as_java_prints_them(value: object, shown: str) -> None:
    assert problem("p", value, "D").startswith(f"Value '{shown}' at")


def test_a_secret_is_not_repeated() -> None:
    assert "hunter2" not in problem("clientSecret", "hunter2", "D", secret=True)


def test_a_very_long_value_is_cut() -> None:
    assert len(problem("p", "x" * 1_000_000, "D")) < 3_000


def test_one_error_is_an_error_and_two_are_errors() -> None:
    assert summary(["a"]) == "1 validation error detected: a"
    assert summary(["a", "b"]) == "2 validation errors detected: a; b"
