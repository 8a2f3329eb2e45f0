"""What a user can choose. One dataclass; every field carries its help text.

Precedence: defaults < environment (``SAGEMAKER_EMULATOR_<NAME>``) < command line. The command line reads the
fields of this class, so an option is declared here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import platformdirs

EngineChoice = Literal["auto", "docker", "process"]

ENV_PREFIX = "SAGEMAKER_EMULATOR_"


def default_data_dir() -> Path:
    """The per-user data directory of the platform."""
    return Path(platformdirs.user_data_dir("sagemaker-emulator", appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """How one emulator runs."""

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
    engine: EngineChoice = field(
        default="auto", metadata={"help": "Where containers run; auto takes Docker when an engine answers."}
    )
    region: str = field(
        default="us-east-1", metadata={"help": "Region of requests that are not signed for another one."}
    )
    account: str = field(default="123456789012", metadata={"help": "Twelve-digit account id of the emulated account."})
    strict_iam: bool = field(
        default=False, metadata={"help": "Refuse execution roles that do not exist, in AWS's words."}
    )
    log_level: str = field(default="info", metadata={"help": "debug, info, warning or error."})
