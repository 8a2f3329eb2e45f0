"""The libsvm format: ``label[:weight] [qid:group] index:value index:value ...``, one row a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    weight: str | None
    group: str | None
    features: list[str]


def read_files(files: Sequence[Path], first_index: int | None = None) -> Rows:
    """All rows of all files. Raises `UserError`, naming the first line of a file that is not libsvm.

    ``first_index`` says how features are numbered where another channel has already shown it.
    """
    lines: list[_Line] = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            lines += _lines(text, labelled=True)
        except ValueError as error:
            raise UserError(
                f"First line '{text.splitlines()[0][:50]}...' of file '{file.name}' is not 'LIBSVM' format. "
                f"Please ensure the file is in 'LIBSVM' format. ({error})"
            ) from error
    try:
        return _rows(lines, first_index)
    except ValueError as error:
        raise UserError(f"Failed to load libsvm data with exception:\n{error}") from error


def parse_rows(text: str) -> Any:
    """The features of a request body as a scipy CSR matrix; labels may be absent. Raises ValueError."""
    return _features(_lines(text, labelled=False), None)[0]


def _lines(text: str, labelled: bool) -> list[_Line]:
    rows = (line.partition("#")[0].split() for line in text.splitlines())
    return [_line(tokens, labelled) for tokens in rows if tokens]


def _line(tokens: list[str], labelled: bool) -> _Line:
    """A request row without a label starts with a feature; ``1:0.5`` could be either and counts as a feature."""
    label = weight = group = None
    if labelled or ":" not in tokens[0]:
        label, _, weight = tokens.pop(0).partition(":")
        float(label)
    if tokens and tokens[0].startswith("qid:"):
        group = tokens.pop(0)[len("qid:") :]
    for token in tokens:
        if token.count(":") != 1:
            raise ValueError(f"'{token}' is not index:value")
    return _Line(label or "0", weight or None, group, tokens)


def _rows(lines: list[_Line], first_index: int | None) -> Rows:
    labels = np.array([line.label for line in lines], np.float32)
    weights = groups = None
    if any(line.weight for line in lines):
        weights = np.array([line.weight or "1" for line in lines], np.float32)
    if any(line.group for line in lines):
        groups = np.array([line.group or "0" for line in lines], np.int64)
    return Rows(*_features(lines, first_index), labels, weights, groups)


def _features(lines: list[_Line], first_index: int | None) -> tuple[Any, int]:
    """A CSR matrix and the first index. Unless told, when no index is 0 the indices count from 1.

    AWS documents that rule for requests; training uses the same one, so that a model and its requests agree.
    """
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *(len(line.features) for line in lines)])
    text = " ".join(token for line in lines for token in line.features).replace(":", " ")
    numbers = np.array(text.split(), np.float64)
    indices, values = numbers[0::2].astype(np.int64), numbers[1::2].astype(np.float32)
    if first_index is None:
        first_index = int(indices.size > 0 and indices.min() >= 1)
    indices -= first_index
    if (indices < 0).any():
        raise ValueError(f"feature index {indices.min() + first_index} is below the first one, {first_index}")
    columns = int(indices.max()) + 1 if indices.size else 0
    return csr_matrix((values, indices, ends), shape=(len(lines), columns)), first_index
