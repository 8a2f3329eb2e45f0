"""CSV without a header: training files (label first) and request bodies (features only)."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from sagemaker_container.errors import UserError

Table = NDArray[np.float32]

PANDAS_PAYS_FROM = 8 * 1024 * 1024
"""Bytes from which pandas' faster parser makes up for the time its import takes (0.15 to 0.3 s)."""

ROWS_AT_A_TIME = 50_000
"""How much of a pipe is held as text while its numbers are collected."""

log = logging.getLogger(__name__)


def read_files(files: Sequence[Path]) -> Table:
    """All rows of all files, missing values as NaN. Raises `UserError`."""
    with files[0].open(encoding="utf-8", errors="ignore") as file:
        delimiter = _training_delimiter(file.readline())
    return join(_read(file, delimiter) for file in files)


def join(tables: Iterable[Table]) -> Table:
    """The rows of all tables. Raises `UserError` when they differ in width, or for what reading one of them raises."""
    try:
        first, *others = tables
        return np.concatenate([first, *others]) if others else first
    except ValueError as error:
        raise UserError(f"Failed to load csv data with exception:\n{error}") from error


def _training_delimiter(line: str) -> str:
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from error
    log.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def _read(file: Path, delimiter: str) -> Table:
    if file.stat().st_size < PANDAS_PAYS_FROM:
        try:
            return np.loadtxt(file, np.float32, comments=None, delimiter=delimiter, ndmin=2, quotechar='"')
        except ValueError:
            pass  # numpy knows no missing values; pandas does, and finds better words for what is wrong
    return _read_with_pandas(file, delimiter)


def _read_with_pandas(source: Path | BinaryIO, delimiter: str) -> Table:
    import pandas as pd  # type: ignore[import-untyped]

    frame: Any = pd.read_csv(source, sep=delimiter, header=None, dtype=np.float32)
    table: Table = frame.to_numpy()
    return table


def read_stream(stream: BinaryIO) -> Table | None:
    """All rows of a stream that can be read only once, None when it is empty. Raises `UserError`."""
    first = stream.readline()
    if not first:
        return None
    delimiter = _training_delimiter(first.decode("utf-8", errors="ignore"))
    return join(_blocks(first, stream, delimiter))


def _blocks(first: bytes, stream: BinaryIO, delimiter: str) -> Iterator[Table]:
    import pandas as pd

    yield _read_with_pandas(BytesIO(first), delimiter)
    try:
        frames: Any = pd.read_csv(stream, sep=delimiter, header=None, dtype=np.float32, chunksize=ROWS_AT_A_TIME)
    except pd.errors.EmptyDataError:  # the first line was all there is
        return
    for frame in frames:
        yield frame.to_numpy()


def parse_rows(text: str) -> Table:
    """The rows of a request body; an empty field is NaN. Raises ValueError (csv.Error is none) when unreadable."""
    lines = text.splitlines()
    delimiter = _request_delimiter(lines[0][:512])
    rows = [line.split(delimiter) for line in lines]
    try:
        return np.array(rows, np.float32)
    except ValueError:
        return np.array([[field if field.strip() else "nan" for field in row] for row in rows], np.float32)


def _request_delimiter(line: str) -> str:
    """A comma always wins the sniffer's choice; asking it takes longer than a whole small prediction."""
    if "," in line:
        return ","
    delimiter = csv.Sniffer().sniff(line).delimiter
    # A single number has no delimiter, and the sniffer then picks one of its own characters.
    return "," if delimiter.isalnum() or delimiter in ".+-" else delimiter
