"""What a user can choose. One dataclass; every field carries its help text.

Precedence: defaults < environment (``SAGEMAKER_EMULATOR_<NAME>``) < command line. The command line reads the
fields of this class, so an option is declared here and nowhere else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import platformdirs

EngineChoice = Literal["auto", "docker", "process"]
Durability = Literal["process", "full"]

ENV_PREFIX = "SAGEMAKER_EMULATOR_"

LOG_LEVELS = ("debug", "info", "warning", "error")

# The shape of every region there has been, GovCloud, China and the isolated ones included: us-gov-west-1.
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+", re.ASCII)
ACCOUNT = re.compile(r"\d{12}", re.ASCII)
# A server and nothing more: a password would be shown in messages, and S3 has no path of its own.
S3_URL = re.compile(r"(https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?)?", re.ASCII)
# Names of quotas have no commas and no equals signs; the largest value is that of Service Quotas' model.
_QUOTA = r"\s*[^=,\s][^=,]*=\d{1,10}"
QUOTAS = re.compile(f"({_QUOTA}(,{_QUOTA})*)?", re.ASCII)

QUOTAS_WANTED = "quotas (like ml.m5.large for training job usage=2), separated by commas"


def default_data_dir() -> Path:
    """The per-user data directory of the platform."""
    return Path(platformdirs.user_data_dir("sagemaker-emulator", appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """How one emulator runs. Raises ValueError, which names the field, for what cannot be."""

    host: str = field(
        default="127.0.0.1", metadata={"help": "Address to listen on. 0.0.0.0 opens the emulator to your network."}
    )
    port: int = field(default=4577, metadata={"help": "Port to listen on; 0 takes a free one."})
    data_dir: Path = field(
        default_factory=default_data_dir, metadata={"help": "Where state, artifacts and job files are kept."}
    )
    ephemeral: bool = field(
        default=False, metadata={"help": "Keep nothing: state lives in a temporary directory removed at the end."}
    )
    durability: Durability = field(
        default="process",
        metadata={"help": "What answered requests survive: process, the end of the process; full, a loss of power."},
    )
    engine: EngineChoice = field(
        default="auto", metadata={"help": "Where containers run; auto takes Docker when an engine answers."}
    )
    max_instances: int = field(
        default=0,
        metadata={
            "help": "Training instances that run at once; further jobs wait. 0: twice the processors, at least 8."
        },
    )
    spot_price: float = field(
        default=0.3,
        metadata={"help": "What a second of a spot instance counts in BillableTimeInSeconds: more than 0, at most 1."},
    )
    file_systems: str = field(
        default="",
        metadata={
            "help": "Where the file systems (fs-...) of training jobs are; empty: file-systems in the data directory."
        },
    )
    region: str = field(
        default="us-east-1", metadata={"help": "Region of requests that are not signed for another one."}
    )
    account: str = field(default="123456789012", metadata={"help": "Twelve-digit account id of the emulated account."})
    strict_iam: bool = field(
        default=False, metadata={"help": "Refuse execution roles that do not exist, in AWS's words."}
    )
    s3_endpoint_url: str = field(
        default="", metadata={"help": "URL of another S3 server that keeps all objects; empty for the emulator's own."}
    )
    s3_profile: str = field(
        default="",
        metadata={"help": "AWS profile for --s3-endpoint-url; empty for the credentials of the environment."},
    )
    quotas: str = field(
        default="",
        metadata={"help": "SageMaker's quotas at the start, NAME=VALUE separated by commas; the others are unlimited."},
    )
    control: bool = field(
        default=False,
        metadata={"help": "Answer /_emulator/control, with which tests break things on purpose."},
    )
    log_level: str = field(default="info", metadata={"help": "debug, info, warning or error."})

    def __post_init__(self) -> None:
        # Absolute, since it must mean the same to containers and to processes of the background.
        object.__setattr__(self, "data_dir", Path(self.data_dir).expanduser().absolute())
        engines = get_args(EngineChoice)
        self._must("host", isinstance(self.host, str) and self.host != "", "an address or a host's name")
        self._must("port", type(self.port) is int and 0 <= self.port <= 65535, "a number from 0 to 65535")
        self._must("quotas", _matches(QUOTAS, self.quotas), QUOTAS_WANTED)
        self._must("control", type(self.control) is bool, "True or False")
        durabilities = get_args(Durability)
        self._must("durability", self.durability in durabilities, f"one of {', '.join(durabilities)}")
        self._must("engine", self.engine in engines, f"one of {', '.join(engines)}")
        self._must("max_instances", type(self.max_instances) is int and self.max_instances >= 0, "a number from 0 on")
        self._must("spot_price", _is_share(self.spot_price), "more than 0 and at most 1")
        self._must("file_systems", isinstance(self.file_systems, str), "a directory")
        self._must("region", _matches(REGION, self.region), "a region (like eu-central-1)")
        self._must("account", _matches(ACCOUNT, self.account), "an account id (a text of twelve digits)")
        self._must("s3_endpoint_url", _matches(S3_URL, self.s3_endpoint_url), "a URL (like http://localhost:9000)")
        self._must("s3_profile", isinstance(self.s3_profile, str), "the name of an AWS profile")
        self._must("log_level", self.log_level in LOG_LEVELS, f"one of {', '.join(LOG_LEVELS)}")

    @property
    def instances_at_once(self) -> int:
        """How many training instances may run at once."""
        return self.max_instances or max(8, 2 * (os.cpu_count() or 1))

    @property
    def file_systems_dir(self) -> Path:
        """The directory in which each file system of training jobs is one, called by its id."""
        return Path(self.file_systems).expanduser().absolute() if self.file_systems else self.data_dir / "file-systems"

    @property
    def synced(self) -> bool:
        """Whether the disk is waited for before a request is answered."""
        return self.durability == "full"

    @property
    def quota_values(self) -> dict[str, int]:
        """The values of ``quotas``, by name."""
        pairs = (pair.rpartition("=") for pair in self.quotas.split(",") if pair)
        return {name.strip(): int(value) for name, _, value in pairs}

    def _must(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ValueError(f"{name} must be {wanted}, not {getattr(self, name)!r}.")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
