"""Pages of ListTrainingJobs and Search, as the number of stored jobs grows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import stored_jobs
from benchmarks.api import Api
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan, say
from benchmarks.server import Emulator
from emulator.aws.wire import Call
from emulator.sagemaker import nouns
from emulator.sagemaker.search.api import operations
from emulator.sagemaker.training_job.api import LISTING
from emulator.state.sql import SqlStore

WORST = Target("value", 50)
"""Milliseconds."""
_PAGES = 5
"""How far each round turns the pages."""

Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Answers an operation's request."""


@dataclass(frozen=True, slots=True)
class Question:
    """A list or a search in words, its operation and its request."""

    words: str
    operation: str
    asked: Mapping[str, Any] = field(default_factory=dict)


def _search(words: str, *filters: tuple[str, str, str], operator: str = "And", **asked: Any) -> Question:
    named = [dict(zip(("Name", "Operator", "Value"), each, strict=True)) for each in filters]
    expression = {"SearchExpression": {"Filters": named, "Operator": operator}} if filters else {}
    return Question(f"Search {words}", "Search", {"Resource": "TrainingJob", **expression, **asked})


def _questions(jobs: int) -> list[Question]:
    last, end = stored_jobs.name(jobs - 1), stored_jobs.BEGAN + jobs * stored_jobs.APART
    auc = "Metrics.validation:auc"
    return [
        Question("List", "ListTrainingJobs"),
        Question("List by status", "ListTrainingJobs", {"SortBy": "Status", "SortOrder": "Descending"}),
        Question("List of a name's part", "ListTrainingJobs", {"NameContains": last[-5:]}),
        Question("List of failed", "ListTrainingJobs", {"StatusEquals": "Failed"}),
        Question("List of the last hour", "ListTrainingJobs", {"LastModifiedTimeAfter": end - 3600}),
        _search("for all"),
        _search("for failed", ("TrainingJobStatus", "Equals", "Failed")),
        _search("for a tag", ("Tags.team", "Equals", "team-3")),
        _search("for a hyperparameter", ("HyperParameters.max_depth", "Equals", "5")),
        _search("for a metric above half", (auc, "GreaterThan", "0.5"), SortBy="Metrics.train:auc"),
        _search("for a name's part", ("TrainingJobName", "Contains", last[-5:])),
        _search("for either of two", ("Tags.team", "Equals", "team-3"), (auc, "GreaterThan", "0.99"), operator="Or"),
        _search("for nothing there is", ("Tags.team", "Equals", "nobody")),
    ]


@dataclass(frozen=True, slots=True)
class _Times:
    """Milliseconds of each page of one question, over HTTP and within a process."""

    over_http: list[float] = field(default_factory=list)
    in_process: list[float] = field(default_factory=list)


def measure(plan: Plan) -> Iterable[Figure]:
    """Store jobs, ask for pages, store more. The same on any engine, so it is measured on one."""
    engine = next(iter(plan.engines), None)
    if engine is None:
        return
    found: dict[int, dict[str, _Times]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        stored = 0
        for jobs in plan.sizes.jobs:
            found[jobs] = _measured(plan, engine, Path(directory), range(stored, jobs))
            stored = jobs
    yield from _figures(engine, found)


def _measured(plan: Plan, engine: str, data_dir: Path, new: range) -> dict[str, _Times]:
    """The times of each question, once these jobs are stored as well."""
    say(f"storing jobs {new.start} to {new.stop}")
    store = stored_jobs.open_store(data_dir)
    stored_jobs.add(store, new)
    times = {question.words: _Times() for question in _questions(new.stop)}
    for _ in plan.each_round(f"pages of {new.stop} jobs, in process"):
        for question in _questions(new.stop):
            times[question.words].in_process.extend(_pages(_within(store), question))
    store.close()
    with Emulator(engine, data_dir) as emulator:
        api = Api(emulator.port)
        for _ in plan.each_round(f"pages of {new.stop} jobs"):
            for question in _questions(new.stop):
                times[question.words].over_http.extend(
                    _pages(lambda name, asked: api.sagemaker(name, **asked), question)
                )
    return times


def _within(store: SqlStore) -> Ask:
    """The handlers of the operations, without a wire."""
    handlers = operations(store, nouns.SEARCHABLES)

    def ask(operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        call = Call(stored_jobs.SCOPE, operation, dict(asked), "")
        return (handlers[operation](call) or {}) if operation in handlers else LISTING.page(store, call.scope, asked)

    return ask


def _pages(ask: Ask, question: Question) -> Iterator[float]:
    """Milliseconds of each of the first pages."""
    asked = dict(question.asked)
    for _ in range(_PAGES):
        began = time.perf_counter()
        answer = ask(question.operation, asked)
        yield (time.perf_counter() - began) * 1000
        if "NextToken" not in answer:
            return
        asked["NextToken"] = answer["NextToken"]


def _figures(engine: str, found: Mapping[int, Mapping[str, _Times]]) -> Iterator[Figure]:
    fewest, *more = found
    for words, least in found[fewest].items():
        for jobs in more:
            page, before = median(found[jobs][words].over_http), median(least.over_http)
            yield Figure(f"{words}, {jobs} jobs, {engine}", "ms", page, f"{fewest} jobs", before)
        most = found[more[-1]][words]
        name = f"{words}, worst of {more[-1]} jobs, {engine}"
        yield Figure(name, "ms", max(most.over_http), "in process", max(most.in_process), WORST)
