"""The libsvm format: ``label[:weight] [qid:group] index:value index:value ...``, one row a line.

xgboost can read such files itself but has deprecated that; in one pass over the numbers this takes seconds for
tens of megabytes, and requests are read by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sagemaker_container.errors import UserError


@dataclass(frozen=True, slots=True)
class Rows:
    """Parsed rows: ``features`` is a scipy CSR matrix; ``weights`` and ``groups`` are None when no row has one.

    ``first_index`` is 0 or 1: the number the files give to the first feature.
    """

    features: Any
    first_index: int
    labels: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    groups: NDArray[np.int64] | None


@dataclass(slots=True)
class _Columns:
    """Rows taken apart. ``numbers`` holds index, value, index, value ...; ``counts`` the features of each row."""

    labels: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    numbers: list[NDArray[np.float64]] = field(default_factory=list)


def read_files(files: Sequence[Path], first_index: int | None = None) -> Rows:
    """All rows of all files. Raises `UserError`, naming the first line of a file that is not libsvm.

    ``first_index`` says how features are numbered where another channel has already shown it.
    """
    columns = _Columns()
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            _append(columns, text.splitlines(), labelled=True)
        except ValueError as error:
            raise UserError(
                f"First line '{text.splitlines()[0][:50]}...' of file '{file.name}' is not 'LIBSVM' format. "
                f"Please ensure the file is in 'LIBSVM' format. ({error})"
            ) from error
    try:
        return _rows(columns, first_index)
    except ValueError as error:
        raise UserError(f"Failed to load libsvm data with exception:\n{error}") from error


def parse_rows(text: str) -> Any:
    """The features of a request body as a scipy CSR matrix; labels may be absent. Raises ValueError."""
    columns = _Columns()
    _append(columns, text.splitlines(), labelled=False)
    return _features(columns, None)[0]


def _append(columns: _Columns, lines: Iterable[str], labelled: bool) -> None:
    features = []
    for line in lines:
        content = line.partition("#")[0].strip()
        if content:
            features.append(_row(columns, content, labelled))
    counts = [row.count(":") for row in features]
    columns.counts += counts
    columns.numbers.append(_numbers(" ".join(features), sum(counts)))


def _row(columns: _Columns, content: str, labelled: bool) -> str:
    """Take label, weight and group off a row; answers the rest.

    A request row may have no label: it then starts with a feature, and ``1:0.5`` counts as a feature there.
    """
    label, weight, group = "0", "", ""
    head, rest = _cut(content)
    if labelled or ":" not in head:
        label, _, weight = head.partition(":")
        float(label)
        content = rest
    if content.startswith("qid:"):
        head, content = _cut(content)
        group = head.removeprefix("qid:")
    columns.labels.append(label)
    columns.weights.append(weight)
    columns.groups.append(group)
    return content


def _cut(content: str) -> tuple[str, str]:
    """The first word, and what follows the blanks or tabs after it."""
    head, *rest = content.split(None, 1)
    return head, rest[0] if rest else ""


def _numbers(text: str, pairs: int) -> NDArray[np.float64]:
    """The numbers of ``index:value index:value``; as many pairs as there are colons, else something is wrong."""
    try:
        numbers: NDArray[np.float64] = np.fromstring(text.replace(":", " "), np.float64, sep=" ")
    except DeprecationWarning as warning:  # numpy warns about text that is no number; a ValueError in later versions
        raise ValueError(str(warning)) from warning
    if numbers.size != 2 * pairs:
        raise ValueError("features must be written index:value")
    return numbers


def _rows(columns: _Columns, first_index: int | None) -> Rows:
    labels = np.array(columns.labels, np.float32)
    weights = groups = None
    if any(columns.weights):
        weights = np.array([weight or "1" for weight in columns.weights], np.float32)
    if any(columns.groups):
        groups = np.array([group or "0" for group in columns.groups], np.int64)
    return Rows(*_features(columns, first_index), labels, weights, groups)


def _features(columns: _Columns, first_index: int | None) -> tuple[Any, int]:
    """A CSR matrix and the first index. Unless told, when no index is 0 the indices count from 1.

    AWS documents that rule for requests; training uses the same one, so that a model and its requests agree.
    """
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    numbers = np.concatenate(columns.numbers)
    indices, values = numbers[0::2].astype(np.int64), numbers[1::2].astype(np.float32)
    if first_index is None:
        first_index = int(indices.size > 0 and indices.min() >= 1)
    indices -= first_index
    if (indices < 0).any():
        raise ValueError(f"feature index {indices.min() + first_index} is below the first one, {first_index}")
    width = int(indices.max()) + 1 if indices.size else 0
    ends = np.cumsum([0, *columns.counts])
    return csr_matrix((values, indices, ends), shape=(len(columns.counts), width)), first_index
