"""What `doctor` looks at. Each check answers what is fine, what is not, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from emulator.cli import found
from emulator.engines import choose, images, sockets
from emulator.engines.port import EngineError
from emulator.objects.server import S3Server, S3ServerError
from emulator.settings import Settings

State = Literal["ok", "warn", "fail"]

_OLDEST_PYTHON = (3, 11)
_GIGABYTE = 1024**3
_DISK_NEEDED = _GIGABYTE // 2
_DISK_COMFORTABLE = 5 * _GIGABYTE


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``remedy`` says what to do about it; empty when there is nothing to do."""

    state: State
    subject: str
    detail: str
    remedy: str = ""


def everything(settings: Settings) -> Iterator[Check]:
    """Every finding about an emulator that would be started with ``settings``."""
    yield python()
    yield from engines(settings)
    yield port(settings)
    yield data_dir(settings.data_dir)
    yield disk(settings.data_dir)
    if settings.s3_endpoint_url:
        yield other_s3(settings)


def python() -> Check:
    """The Python this runs in."""
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Check("fail", "Python", detail, "Install Python 3.11 or later.")
    return Check("ok", "Python", detail)


def engines(settings: Settings) -> Iterator[Check]:
    """Docker, its images and the process engine: one of them is enough, unless the settings want a certain one."""
    docker, processes = docker_engine(), list(process_engine())
    if docker.state == "ok":
        yield docker
        yield from image_states()
    elif settings.engine == "docker":
        yield Check("fail", docker.subject, docker.detail, docker.remedy)
    else:
        yield docker
    needed = settings.engine == "process" or (settings.engine == "auto" and docker.state != "ok")
    for check in processes:
        worse: State = "fail" if needed and check.subject == _ALGORITHMS and check.state == "warn" else check.state
        yield Check(worse, check.subject, check.detail, check.remedy)


def docker_engine() -> Check:
    """Whether a Docker Engine answers and can run containers for us."""
    url = sockets.find()
    if url is None:
        forbidden = next((one for one in sockets.candidates() if sockets.forbidden(one)), None)
        if forbidden is not None:
            return Check("warn", "Docker", f"{forbidden} refuses this user", choose.FORBIDDEN.format(url=forbidden))
        return Check("warn", "Docker", "no engine answers", choose.REMEDY)
    from emulator.engines.docker import DockerEngine

    engine = DockerEngine("doctor", url)
    try:
        health = engine.health()
    finally:
        engine.close()
    if not health.ok:
        return Check("warn", "Docker", f"{url} cannot be used", health.detail)
    return Check("ok", "Docker", f"{health.version} at {url}", health.detail)


def image_states() -> Iterator[Check]:
    """Whether the images of the built-in algorithms are there and up to date."""
    from emulator.engines.docker.build import statuses

    try:
        states = statuses()
    except EngineError as error:
        yield Check("warn", "Images", "cannot be listed", str(error))
        return
    for status in states:
        good = status.state == "built"
        yield Check(
            "ok" if good else "warn",
            f"Image {status.name}",
            f"{status.state} ({status.tag})",
            "" if good else f"Build it: `sagemaker-emulator images build{_argument(status.name)}`.",
        )


def process_engine() -> Iterator[Check]:
    """How well processes can be set apart, and whether the algorithms' packages are installed."""
    from emulator.engines.process.isolation import best

    yield Check("ok", "Processes", best().detail)
    needs = sorted({module for image in images.FIRST_PARTY.values() for module in image.needs})
    missing = [module for module in needs if find_spec(module) is None]
    if missing:
        remedy = "For jobs without Docker: `pip install 'sagemaker-emulator[algorithms]'`."
        yield Check("warn", _ALGORITHMS, f"not installed: {', '.join(missing)}", remedy)
    else:
        yield Check("ok", _ALGORITHMS, f"{', '.join(images.FIRST_PARTY)} can run without Docker")


def port(settings: Settings) -> Check:
    """Whether the port is free, or who has it."""
    if settings.port == 0:
        return Check("ok", "Port", "a free one will be taken")
    where = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return Check("ok", "Port", f"{where} is free")
    if found.health(f"http://{where}", patience=1.0) is not None:
        return Check("ok", "Port", f"{where} is served by an emulator that runs already")
    return Check("fail", "Port", f"{where}: {reason}", "Choose another one with --port; 0 takes a free one.")


def data_dir(path: Path) -> Check:
    """Whether state can be kept in ``path``."""
    running = found.at(path)
    if running is not None:
        return Check("ok", "Data", f"{path}, used by the emulator at {running.url}")
    if not os.access(_nearest(path), os.W_OK | os.X_OK):
        remedy = "Choose another one with --data-dir, or start with --ephemeral."
        return Check("fail", "Data", f"{path} cannot be written", remedy)
    return Check("ok", "Data", str(path))


def disk(path: Path) -> Check:
    """Whether there is room for artifacts and images."""
    free = shutil.disk_usage(_nearest(path)).free
    detail = f"{free / _GIGABYTE:.1f} GB free"
    if free < _DISK_NEEDED:
        return Check("fail", "Disk", detail, "Free some space, or choose another disk with --data-dir.")
    if free < _DISK_COMFORTABLE:
        return Check("warn", "Disk", detail, "Data sets, models and images may soon fill it.")
    return Check("ok", "Disk", detail)


def other_s3(settings: Settings) -> Check:
    """Whether the S3 server of the user's answers, and takes the user's credentials."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        server = S3Server.of(settings.s3_endpoint_url, settings.s3_profile, settings.region)
        server.client(connect_timeout=_S3_PATIENCE, read_timeout=_S3_PATIENCE, retries=_NO_RETRIES).list_buckets()
    except S3ServerError as error:
        return Check("fail", "S3", f"{settings.s3_endpoint_url} cannot be asked", str(error))
    except ClientError as error:
        return _s3_refusal(server, error.response["Error"])
    except BotoCoreError as error:
        return Check("fail", "S3", f"{server.url} does not answer", server.unreachable(error))
    return Check("ok", "S3", f"{server.url} answers, region {server.region}")


def _s3_refusal(server: S3Server, error: Mapping[str, Any]) -> Check:
    """Credentials that may not list buckets can be good for one of them."""
    detail = f"{server.url} answers {error.get('Code')}: {error.get('Message')}"
    if error.get("Code") == "AccessDenied":
        return Check("ok", "S3", detail)
    return Check("fail", "S3", detail, "Look at the URL and the credentials; --s3-profile names others.")


_ALGORITHMS = "Algorithms"
_S3_PATIENCE = 5.0
_NO_RETRIES = {"total_max_attempts": 1}


def _argument(name: str) -> str:
    return "" if name == images.BASE else f" {name}"  # the base comes with whatever is built on it


def _nearest(path: Path) -> Path:
    """``path``, or the closest directory above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
