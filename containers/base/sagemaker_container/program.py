"""The entry point of every algorithm image: ``train`` and ``serve``, signals, failure file and exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import NoReturn

from sagemaker_container import waiting
from sagemaker_container.ending import leave, obey_inside_libraries
from sagemaker_container.errors import AlgorithmError, UserError
from sagemaker_container.layout import Layout

Command = Callable[[Layout], None]


def run(train: Command, serve: Command, prepare: Callable[[], None], arguments: Sequence[str]) -> NoReturn:
    """Run the command the platform asks for and end the process with its exit code (0, 1, or 2 for bad usage).

    ``prepare`` imports what training needs; it is called only in a container that is started ahead of its job.
    """
    # Read when the OpenMP runtime is loaded, so it must be set before an algorithm imports one. Threads that spin
    # while they wait make small jobs many times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    commands: dict[str, Command] = {"train": partial(_train, train, prepare), "serve": serve}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(f"usage: {'|'.join(commands)} (got: {' '.join(arguments) or 'nothing'})", file=sys.stderr)
        leave(2)
    # As process 1 of a container, Python would ignore SIGTERM unless it is handled.
    signal.signal(signal.SIGTERM, _end_on_signal)
    configure_logging()
    leave(_guarded(commands[arguments[0]], Layout.from_environment()))


def configure_logging() -> None:
    """Log to stdout, where the platform collects lines, in the format of SageMaker's XGBoost images, UTC."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format="[%(asctime)s:%(levelname)s] %(message)s",
        datefmt="%Y-%m-%d:%H:%M:%S",
    )


def _train(train: Command, prepare: Callable[[], None], layout: Layout) -> None:
    obey_inside_libraries()
    if waiting.is_asked_for():
        waiting.wait(layout.config, prepare)
    train(layout)


def give_up(layout: Layout, message: str) -> NoReturn:
    """End the process as failed from a thread, whatever the main one waits for."""
    _report(layout, message)
    leave(1)


def _guarded(command: Command, layout: Layout) -> int:
    try:
        command(layout)
    except UserError as error:
        _report(layout, error.message)
        return 1
    except AlgorithmError as error:
        traceback.print_exc()
        _report(layout, error.message)
        return 1
    except BaseException as error:  # noqa: BLE001 - whatever it was, the user must find it in the failure file
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return 0
        _report(layout, f"framework error: \n{traceback.format_exc()}\n{error}")
        return 1
    return 0


def _report(layout: Layout, text: str) -> None:
    print(text, file=sys.stderr, flush=True)
    try:
        layout.failure.parent.mkdir(parents=True, exist_ok=True)
        layout.failure.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"cannot write {layout.failure}: {error}", file=sys.stderr, flush=True)


def _end_on_signal(number: int, _frame: FrameType | None) -> None:
    """An orderly end without a result: the exit code says which signal, as a shell would."""
    leave(128 + number)
