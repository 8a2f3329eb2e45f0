"""The options of the command line come from the fields of `Settings`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from emulator.cli.options import arguments, settings_options
from emulator.settings import ENV_PREFIX, Settings


@click.command()
@settings_options()
@click.pass_context
def show(ctx: click.Context, **values: Any) -> None:
    ctx.obj.append(Settings(**values))


def parsed(*given: str, environment: dict[str, str] | None = None) -> Settings:
    found: list[Settings] = []
    result = CliRunner().invoke(show, given, obj=found, env=environment or {})
    assert result.exit_code == 0, result.output
    return found[0]


def complaint(*given: str) -> str:
    result = CliRunner().invoke(show, given, obj=[])
    assert result.exit_code == 2
    return result.output


def test_without_options_the_settings_are_the_defaults() -> None:
    assert parsed() == Settings()


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_an_option_with_its_help_and_environment_variable(field: Any) -> None:
    option = next(each for each in show.params if each.name == field.name)

    assert "--" + field.name.replace("_", "-") in option.opts
    assert isinstance(option, click.Option)
    assert option.help == field.metadata["help"]
    assert option.envvar == ENV_PREFIX + field.name.upper()


def test_the_environment_is_used_and_the_command_line_wins() -> None:
    environment = {"SAGEMAKER_EMULATOR_PORT": "1234", "SAGEMAKER_EMULATOR_EPHEMERAL": "1"}

    assert parsed(environment=environment).port == 1234
    assert parsed(environment=environment).ephemeral
    assert parsed("--port", "4321", "--no-ephemeral", environment=environment) == Settings(port=4321)


def test_a_data_directory_is_absolute_and_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert parsed("--data-dir", "here").data_dir == tmp_path / "here"
    assert parsed("--data-dir", "~/there").data_dir == tmp_path / "home" / "there"


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--account", "123", "twelve digits"),
        ("--account", "12345678901x", "twelve digits"),
        ("--account", "1234567890123", "twelve digits"),
        ("--port", "65536", "range"),
        ("--port", "-1", "range"),
        ("--port", "http", "integer"),
        ("--region", "europe", "region"),
        ("--region", "eu-west-1 ", "region"),
        ("--engine", "podman", "process"),
        ("--s3-endpoint-url", "localhost:9000", "http://localhost:9000"),
        ("--log-level", "loud", "warning"),
        ("--data-dir", __file__, "is a file"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(option: str, value: str, reason: str) -> None:
    assert reason in complaint(f"{option}={value}")


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "us-isob-east-1", "cn-north-1"])
def test_every_kind_of_region_is_accepted(region: str) -> None:
    assert parsed("--region", region).region == region


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(port=0, ephemeral=True, engine="process", strict_iam=True, log_level="debug"),
        Settings(s3_endpoint_url="http://[::1]:9000/", s3_profile="a profile"),
        Settings(host="::1", data_dir=Path("/a dir/with=signs"), region="eu-west-1", account="000000000001"),
    ],
)
def test_arguments_mean_the_settings_they_were_made_from(settings: Settings) -> None:
    assert parsed(*arguments(settings), environment={"SAGEMAKER_EMULATOR_EPHEMERAL": "true"}) == settings
