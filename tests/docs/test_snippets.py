"""What the documents tell a reader to type exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from emulator.cli.main import NAME, cli
from tests.docs.markdown import ROOT, blocks, documents, spans
from tests.running import RunningEmulator

_COMMAND = re.compile(rf"(?<![\w/-]){NAME} (?P<arguments>(?:\"[^\"\n]*\"|[^|)\"`;>#\n])+)")
_MAKE = re.compile(r"(?:^|\s)make (?P<target>[a-z][a-z-]*)", re.MULTILINE)


def typed(document: Path) -> list[str]:
    """Everything of a document that is meant to be typed in a shell."""
    return [*spans(document), *(block.code for block in blocks(document) if block.language in ("bash", "yaml"))]


def commands() -> set[str]:
    return {
        match["arguments"].strip()
        for document in documents()
        for text in typed(document)
        for match in _COMMAND.finditer(text)
    }


@pytest.mark.parametrize("arguments", sorted(commands()))
def test_every_command_is_one_that_the_command_line_understands(arguments: str) -> None:
    parse(cli, shlex.split(arguments))


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in (["upp"], ["up", "--engines", "docker"], ["up", "--engine", "podman"]):
        with pytest.raises(click.UsageError):
            parse(cli, wrong)


def parse(command: click.Command, arguments: list[str]) -> None:
    """Read the arguments as the command line would, and run nothing. Raises `click.UsageError`."""
    context = command.make_context(command.name, arguments)
    if isinstance(command, click.Group):
        _, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert below is not None
        parse(below, rest)


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {match["target"] for page in documents() for text in typed(page) for match in _MAKE.finditer(text)}
    assert {"demo", "test", "docs"} <= named <= targets


def programs() -> list[tuple[str, str]]:
    pages = sorted((ROOT / "docs" / "guide").glob("*.md"))
    return [
        (f"{page.stem}-{number}", block.code)
        for page in pages
        for number, block in enumerate(block for block in blocks(page) if block.language == "python")
    ]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    options = ("--control", "--quotas", "ml.p3.2xlarge for training job usage=0")  # as the guide to testing starts it
    running = RunningEmulator("process", tmp_path_factory.mktemp("data"), *options).start()
    yield running
    assert running.stop() == 0, running.log()


@pytest.mark.parametrize("program", [pytest.param(code, id=name) for name, code in programs()])
def test_every_program_of_the_guide_runs(emulator: RunningEmulator, program: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    client = {"AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean | client | {"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
