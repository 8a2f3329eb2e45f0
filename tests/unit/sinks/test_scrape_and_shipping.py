"""Metrics out of lines, and lines into streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import regex

from emulator.arns import Scope
from emulator.engines.port import LogLine
from emulator.sinks.port import Stamped
from emulator.sinks.scrape import Scraper, definitions, escape
from emulator.sinks.shipping import ship

SCOPE = Scope("123456789012", "us-east-1")
LINE = "[3]\ttrain-rmse:0.25\tvalidation-rmse:0.5"


@pytest.mark.parametrize("regex", [r".*\[[0-9]+\].*#011validation-rmse:(\S+)", r"\tvalidation-rmse:(\S+)"])
def test_an_expression_may_speak_of_the_raw_or_the_escaped_line(regex: str) -> None:
    scraper = Scraper(definitions([{"Name": "validation:rmse", "Regex": regex}]))
    assert [(found.name, found.value, found.at) for found in scraper.feed(LINE, 9.0)] == [("validation:rmse", 0.5, 9.0)]


def test_a_metric_that_another_follows_in_the_line_is_read_too() -> None:
    scraper = Scraper(definitions([{"Name": "train:rmse", "Regex": r".*\[[0-9]+\].*#011train-rmse:(\S+)"}]))
    assert [found.value for found in scraper.feed(LINE, 9.0)] == [0.25]


def test_the_last_reading_of_each_metric_is_remembered() -> None:
    scraper = Scraper(definitions([{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "never", "Regex": "x(y)"}]))
    for at, text in enumerate(["loss=3", "loss=2.5e-1;", "loss=0.2", "nothing"]):
        scraper.feed(text, float(at))
    assert {name: (found.value, found.at) for name, found in scraper.last.items()} == {"loss": (0.2, 2.0)}


@pytest.mark.parametrize("regex", ["loss=", "loss=(a)?x", "loss=(\\w+)"])
def test_a_match_without_a_number_is_no_reading(regex: str) -> None:
    assert Scraper(definitions([{"Name": "loss", "Regex": regex}])).feed("loss=x", 0.0) == []


@pytest.mark.parametrize("text", ["loss=nan", "loss=inf", "loss=-Infinity"])
def test_a_value_that_is_not_finite_is_no_reading(text: str) -> None:
    assert Scraper(definitions([{"Name": "loss", "Regex": r"loss=(\S+)"}])).feed(text, 0.0) == []


def test_an_expression_that_takes_for_ever_is_given_up_once_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("emulator.sinks.scrape._SEARCH_SECONDS", 0.1)
    wanted = [{"Name": "evil", "Regex": "^(a|aa)+$"}, {"Name": "good", "Regex": "x=(1)"}]
    scraper = Scraper(definitions(wanted))
    for _ in range(3):  # the TAB gives the line two spellings, and the expression would take for ever on both
        assert [found.name for found in scraper.feed("a" * 60 + "\tx=1", 0.0)] == ["good"]
    assert [record.message.split()[1] for record in caplog.records] == ["evil"]


def test_an_expression_that_does_not_compile_is_refused() -> None:
    with pytest.raises(regex.error):
        definitions([{"Name": "loss", "Regex": "("}])


def test_control_characters_are_shown_as_the_service_shows_them() -> None:
    assert escape("a\tb\rc") == "a#011b#015c"


class Stream:
    """A LogSink that keeps batches."""

    def __init__(self, there: Sequence[Stamped] = ()) -> None:
        self.batches: list[list[str]] = []
        self._there = there

    def write(self, scope: Scope, group: str, stream: str, lines: Sequence[LogLine]) -> None:  # type: ignore[override]
        self.batches.append([line.text for line in lines])

    def written(self, scope: Scope, group: str, stream: str) -> Sequence[Stamped]:
        return self._there


def test_lines_that_are_there_already_are_passed_over_as_often_as_they_are_there() -> None:
    sink = Stream(there=[(1000, "a"), (2000, "twice"), (500, "of another container")])
    told = [LogLine(1.0, "a"), LogLine(2.0, "twice"), LogLine(2.0, "twice"), LogLine(3.0, "new")]
    ship(told, sink, SCOPE, "g", "s")  # type: ignore[arg-type]
    assert [text for batch in sink.batches for text in batch] == ["twice", "new"]


def test_every_line_is_shipped_in_order_and_the_stream_exists_from_the_start() -> None:
    sink = Stream()
    ship((LogLine(float(n), str(n)) for n in range(2500)), sink, SCOPE, "g", "s")  # type: ignore[arg-type]
    assert sink.batches[0] == []
    assert [text for batch in sink.batches for text in batch] == [str(n) for n in range(2500)]


def test_what_came_before_a_fault_is_shipped() -> None:
    def broken() -> Iterator[LogLine]:
        yield LogLine(1.0, "last words")
        raise OSError("gone")

    sink = Stream()
    with pytest.raises(OSError, match="gone"):
        ship(broken(), sink, SCOPE, "g", "s")  # type: ignore[arg-type]
    assert ["last words"] in sink.batches
