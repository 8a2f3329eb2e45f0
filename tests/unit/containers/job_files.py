"""The files of a training job below a base directory, with real data, and the algorithm run as a real process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

Table = NDArray[np.floating[Any]]
CONTAINERS = Path(__file__).parents[3] / "containers"
LOADERS = {"cancer": load_breast_cancer, "diabetes": load_diabetes, "iris": load_iris}


def table(name: str) -> Table:
    """A data set shipped with scikit-learn, label first, in a fixed random order."""
    features, labels = LOADERS[name](return_X_y=True)
    rows: Table = np.column_stack([labels, features])
    return np.random.default_rng(0).permutation(rows)


def csv(rows: Table) -> str:
    return "".join(",".join(f"{value:.6g}" for value in row) + "\n" for row in rows)


def libsvm(rows: Table, first_index: int = 0) -> str:
    """Zeros left out, as the format has it."""
    return "".join(
        f"{row[0]:.6g} " + " ".join(f"{i}:{v:.6g}" for i, v in enumerate(row[1:], first_index) if v) + "\n"
        for row in rows
    )


@dataclass(frozen=True)
class JobFiles:
    """A job's tree at ``base``; `train` runs the algorithm on the host as the process engine does."""

    base: Path
    hosts: Sequence[str] = ("algo-1",)

    def configure(
        self,
        hyperparameters: Mapping[str, str],
        content_type: str | None = "text/csv",
        channels: Iterable[str] | None = None,
        **channel: str,
    ) -> None:
        """Write the config files. Unless told, every folder below input/data is a channel."""
        config = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        if content_type is not None:
            config["ContentType"] = content_type
        names = channels or [folder.name for folder in (self.base / "input" / "data").iterdir()]
        self.write("hyperparameters.json", dict(hyperparameters))
        self.write("inputdataconfig.json", {name: {**config, **channel} for name in names})
        self.write("resourceconfig.json", {"current_host": self.current_host, "hosts": list(self.hosts)})

    def write(self, name: str, content: object) -> None:
        path = self.base / "input" / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def add(self, channel: str, name: str, text: str) -> None:
        path = self.base / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def current_host(self) -> str:
        return self.base.name if self.base.name in self.hosts else self.hosts[0]

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        path = os.pathsep.join(str(CONTAINERS / part) for part in ("base", "xgboost"))
        own = {"PYTHONPATH": path, "SAGEMAKER_BASE_DIR": str(self.base), "SM_NUM_CPUS": "1"}
        return {**os.environ, **own, **(extra or {})}

    def start(self, command: str, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "sagemaker_xgboost", command]
        return subprocess.Popen(
            arguments, env=self.environment(extra), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def train(self, extra: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The exit code and everything printed."""
        process = self.start("train", extra)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


def cluster(folder: Path, size: int) -> list[JobFiles]:
    """The files of each host of a cluster. The hosts' names are loopback addresses that nobody else uses, since all
    first hosts listen on one port; they are in the order in which hosts are sorted."""
    network = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
    names = [f"{network}.{number}" for number in range(1, size + 1)]
    return [JobFiles(folder / name, names) for name in names]


def train_all(hosts: Iterable[JobFiles]) -> list[tuple[int, str]]:
    """Run all hosts at once; the exit code and the output of each."""
    processes = [host.start("train") for host in hosts]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def metric_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("[") and "\t" in line]


def values(lines: Iterable[str], name: str) -> list[float]:
    """The numbers printed for one metric, in order."""
    fields = (field for line in lines for field in line.split("\t")[1:])
    return [float(field.rpartition(":")[2]) for field in fields if field.startswith(f"{name}:")]
