"""Writing and reading model files."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

from sagemaker_xgboost.library import xgboost

MODEL_NAME = "xgboost-model"
CHECKPOINT_NAME = "xgboost-checkpoint"
UNFINISHED = ".sagemaker-ignore"
"""How names of files end while they are written. AWS's image uses it so that the platform does not upload them."""


def save(booster: Any, path: Path) -> None:
    """Write what ``Booster.save_model`` writes for a name without extension (UBJSON), complete or not at all.

    Saved through the raw bytes, because save_model warns about the missing extension each time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    unfinished.write_bytes(booster.save_raw("ubj"))
    unfinished.replace(path)


def load(path: Path) -> Any:
    """The booster in a file: a pickle as older images write, else any format of xgboost's. Raises RuntimeError."""
    content = path.read_bytes()
    try:
        # Unpickling runs code that the file names. That is how AWS's image reads models too, and the file is the
        # user's own, in a container or process that already runs on the user's behalf.
        return pickle.loads(content)  # noqa: S301
    except Exception as pickle_error:  # noqa: BLE001 - a file that is no pickle can raise nearly anything
        try:
            return xgboost.Booster(model_file=bytearray(content))
        except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
            raise RuntimeError(f"Model at {path} cannot be loaded:\n{pickle_error}\n{error}") from error


def checkpoint_path(folder: Path, iteration: int) -> Path:
    return folder / f"{CHECKPOINT_NAME}.{iteration}"


def latest_checkpoint(folder: Path | None) -> tuple[Any | None, int]:
    """The model of the newest readable checkpoint and the number of rounds it has seen; (None, 0) without one."""
    if folder is None or not folder.is_dir():
        return None, 0
    matches = (re.fullmatch(rf"{CHECKPOINT_NAME}\.(\d+)", entry.name) for entry in folder.iterdir())
    for iteration in sorted((int(match[1]) for match in matches if match), reverse=True):
        try:
            return load(checkpoint_path(folder, iteration)), iteration + 1
        except RuntimeError:
            continue  # cut off when the instance was taken away; an older one will do
    return None, 0
