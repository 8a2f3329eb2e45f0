"""`sagemaker-emulator env`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from emulator.cli.env import command, shell_of, variables
from tests.unit.cli.conftest import Run

EVIL = 'http://127.0.0.1:1/it\'s $(touch owned) `x` \\ "q"'


def test_bash_gets_exactly_the_variables(run: Run) -> None:
    printed = run("env", "--url", EVIL, "--region", "eu-west-1").stdout
    show = f"import json, os; print(json.dumps({{n: os.environ[n] for n in {list(variables('', '', {}))} }}))"
    script = f'{printed}\n"$0" -c "$1"'

    told = subprocess.run(["bash", "-c", script, sys.executable, show], capture_output=True, text=True, check=True)

    assert json.loads(told.stdout) == variables(EVIL, "eu-west-1", os.environ)


def test_the_variables_are_those_that_every_client_reads() -> None:
    assert variables("http://127.0.0.1:4577", "us-west-2", {}) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4577",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("url", "environ", "kept"),
    [
        ("http://127.0.0.1:4577", {"NO_PROXY": "intern.example, 10.0.0.1"}, "intern.example,10.0.0.1,127.0.0.1"),
        ("http://127.0.0.1:4577", {"NO_PROXY": "a", "no_proxy": "b,a"}, "a,b,127.0.0.1"),
        ("http://127.0.0.1:4577", {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}, "127.0.0.1"),
        ("http://127.0.0.1:4577", {"no_proxy": "*"}, "*"),
        ("http://[::1]:4577", {}, "::1,[::1]"),
        ("nonsense", {"NO_PROXY": "a"}, "a"),
    ],
)
def test_the_emulator_is_asked_without_a_proxy_beside_what_was_before(
    url: str, environ: dict[str, str], kept: str
) -> None:
    found = variables(url, "us-east-1", environ)
    assert (found["NO_PROXY"], found["no_proxy"]) == (kept, kept)


@pytest.mark.parametrize("spelling", ["HTTP_PROXY", "http_proxy"])
def test_clients_behind_a_proxy_reach_the_emulator(run: Run, environment: dict[str, str], spelling: str) -> None:
    url = run("up", "--detach", "--engine", "process", "--port", "0").stdout.split()[1]
    ask = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    script = f'{run("env", "--url", url).stdout}\n"$0" -c "$1"'
    behind = environment | {spelling: "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}

    told = subprocess.run(
        ["bash", "-c", script, sys.executable, ask], capture_output=True, text=True, env=behind, check=True
    )

    assert told.stdout == "123456789012\n"


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("fish", "set -gx AWS_ENDPOINT_URL 'http://x/it\\'s\\\\'"),
        ("powershell", "$Env:AWS_ENDPOINT_URL = 'http://x/it''s\\'"),
    ],
)
def test_other_shells_get_their_own_syntax_and_quoting(shell: str, line: str) -> None:
    result = CliRunner().invoke(command, ["--shell", shell, "--url", "http://x/it's\\", "--region", "us-east-1"])

    assert result.stdout.splitlines()[0] == line


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_evaluates_it(run: Run) -> None:
    printed = run("env", "--shell", "fish", "--url", EVIL, "--region", "us-east-1").stdout

    told = subprocess.run(
        ["fish", "-c", f"{printed}\necho $AWS_ENDPOINT_URL"], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == EVIL


@pytest.mark.parametrize(
    ("shell", "syntax"),
    [("/bin/bash", "bash"), ("/bin/zsh", "bash"), ("/usr/bin/fish", "fish"), ("/opt/pwsh", "powershell")],
)
def test_the_syntax_follows_the_users_shell(shell: str, syntax: str) -> None:
    assert shell_of({"SHELL": shell}) == syntax


def test_without_an_emulator_the_default_url_is_printed_and_stderr_says_so(run: Run) -> None:
    done = run("env")

    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4577\n" in done.stdout
    assert "No emulator runs yet" in done.stderr


def test_the_running_emulators_url_and_region_are_printed(run: Run) -> None:
    ready = run("up", "--detach", "--engine", "process", "--port", "0", "--region", "eu-north-1").stdout
    url = ready.split()[1]

    done = run("env")

    assert f"export AWS_ENDPOINT_URL={url}\n" in done.stdout
    assert "export AWS_REGION=eu-north-1\n" in done.stdout
    assert done.stderr == ""
    assert "export AWS_REGION=us-west-2\n" in run("env", "--region", "us-west-2").stdout


def test_it_answers_without_loading_what_is_slow_to_load() -> None:
    slow = {"boto3", "botocore", "moto", "flask", "docker", "sqlalchemy", "uvicorn", "numpy"}
    script = "import sys; import emulator.cli.main, emulator.cli.env; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert slow.isdisjoint(loaded)
