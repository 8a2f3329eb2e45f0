"""Where the files of a job are: the tree below /opt/ml.

``SAGEMAKER_BASE_DIR`` moves the whole tree, as it does for AWS's own container toolkits; the process engine uses
that where it cannot give a job its own /opt/ml.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths a container may read and write. None of them needs to exist."""

    base: Path

    @classmethod
    def from_environment(cls) -> Layout:
        return cls(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def config(self) -> Path:
        return self.base / "input" / "config"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        return self.base / "output" / "failure"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def hyperparameters(self) -> dict[str, str]:
        return self._read("hyperparameters.json")

    def channels(self) -> dict[str, dict[str, str]]:
        """inputdataconfig.json: channel name -> {TrainingInputMode, S3DistributionType, ContentType?, ...}."""
        return self._read("inputdataconfig.json")

    def hosts(self) -> list[str]:
        """The names of the cluster's hosts, sorted; the first one leads."""
        hosts: list[str] = self._read("resourceconfig.json").get("hosts", ["algo-1"])
        return sorted(hosts)

    def current_host(self) -> str:
        name: str = self._read("resourceconfig.json").get("current_host", "algo-1")
        return name

    def checkpoints(self) -> Path | None:
        """The folder for checkpoints; None when the job has no CheckpointConfig.

        The file always names an absolute path such as /opt/ml/checkpoints, which moves along with the base.
        """
        local = self._read("checkpointconfig.json").get("LocalPath")
        if not local:
            return None
        path = Path(local)
        return self.base / path.relative_to("/opt/ml") if path.is_relative_to("/opt/ml") else path

    def _read(self, name: str) -> dict[str, Any]:
        """A missing or empty config file reads as an empty object, as AWS's toolkits have it."""
        try:
            text = (self.config / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        content: dict[str, Any] = json.loads(text) if text.strip() else {}
        return content
