"""What a training container prints: lines to CloudWatch Logs, metrics to CloudWatch and to the job."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from emulator.engines.port import ContainerGone, EngineClosed, LogLine
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.training_job.builtin import metric_definitions
from emulator.sagemaker.training_job.view import life_of
from emulator.sinks import scrape
from emulator.sinks.port import Datum, Stamped, milliseconds
from emulator.sinks.shipping import ship, taken
from emulator.state.store import Resource

log = logging.getLogger(__name__)

GROUP = "/aws/sagemaker/TrainingJobs"
"""The log group, and the namespace of the metrics."""

# Metrics are written in batches, so that they can be watched while the job runs and cost little.
_MOST_READINGS = 500
_READINGS_SECONDS = 1.0


class Output:
    """Follows the output of one host's container on a thread of its own."""

    def __init__(self, platform: Platform, resource: Resource, host: str) -> None:
        self._platform = platform
        self._resource = resource
        self._scraper = scrape.Scraper(scrape.definitions(metric_definitions(resource.request)))
        self._stream = f"{resource.key.name}/{host}-{life_of(resource).log_epoch}"
        self._dimensions = {"TrainingJobName": resource.key.name}
        self._recorded: Counter[Stamped] = Counter()
        self._thread: threading.Thread | None = None

    def follow(self, lines: Callable[[], Iterable[LogLine]]) -> None:
        """Start to follow; `join` waits for the end."""
        self._thread = threading.Thread(target=self._follow, args=(lines,), name=f"log {self._stream}", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until every line is written."""
        assert self._thread is not None, "follow comes before join"
        self._thread.join()

    def last_metrics(self) -> list[scrape.Reading]:
        """The last reading of each metric, by name."""
        return [self._scraper.last[name] for name in sorted(self._scraper.last)]

    def _follow(self, lines: Callable[[], Iterable[LogLine]]) -> None:
        scope = self._resource.key.scope
        # After a restart the output is read again from its beginning: the last metrics need all of it. What the stream
        # and CloudWatch have already is passed over.
        self._recorded.update(self._platform.metrics.recorded(scope, GROUP, self._dimensions))
        try:
            ship(self._measured(lines()), self._platform.logs, scope, GROUP, self._stream)
        except (ContainerGone, EngineClosed):
            log.debug("%s: the log is no longer followed", self._stream)

    def _measured(self, lines: Iterable[LogLine]) -> Iterator[LogLine]:
        readings: list[scrape.Reading] = []
        try:
            for line in lines:
                readings += self._scraper.feed(line.text, line.at)
                if readings and (len(readings) >= _MOST_READINGS or line.at - readings[0].at >= _READINGS_SECONDS):
                    self._record(readings)
                    readings = []
                yield replace(line, text=scrape.escape(line.text))
        finally:
            self._record(readings)

    def _record(self, readings: Iterable[scrape.Reading]) -> None:
        data = [
            Datum(found.name, found.value, found.at, self._dimensions)
            for found in readings
            if not taken(self._recorded, (milliseconds(found.at), found.name))
        ]
        if data:
            self._platform.metrics.put(self._resource.key.scope, GROUP, data)
