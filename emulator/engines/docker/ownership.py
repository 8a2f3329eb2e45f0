"""Gives the files that a container wrote as root to the user who runs the emulator.

Without this a user could neither read what a job wrote with a private mode nor remove the job's directory. Nothing is
to be done where the emulator is root, or where the engine maps container users to the invoking user.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import APIError, DockerException
from docker.types import Mount

_log = logging.getLogger(__name__)

_INSIDE = "/mnt"


def foreign(ml: Path, uid: int) -> bool:
    """Whether anything below ``ml`` belongs to somebody else than ``uid``, as far as can be seen."""
    return any(entry.stat(follow_symlinks=False).st_uid != uid for entry in _walk(ml))


def hand_over(client: docker.APIClient, ml: Path, images: Sequence[str], labels: dict[str, str]) -> None:
    """Give everything below ``ml`` to this process's user, by a container of the first image that has ``chown``."""
    if not ml.is_dir() or not foreign(ml, os.getuid()):
        return
    if not any(_chown(client, ml, image, labels) for image in images):
        _log.warning("Files below %s belong to root, and no image at hand has `chown`: sudo chown -R $USER %s", ml, ml)


def open_to_all(ml: Path) -> None:
    """Let any user write into the directories below ``ml``: an image may name a user of its own, whose uid is not
    ours. The job's directory itself stays private, so this opens nothing to other users of the machine."""
    for entry in _walk(ml):
        if entry.is_dir(follow_symlinks=False):
            with suppress(PermissionError):  # somebody else's already
                Path(entry.path).chmod(0o777)


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path)
    except (PermissionError, FileNotFoundError):  # unreadable means foreign, and its own entry was yielded already
        return


def _chown(client: docker.APIClient, ml: Path, image: str, labels: dict[str, str]) -> bool:
    """Whether a container of ``image`` could do it."""
    container = None
    try:
        container = client.create_container(
            image,
            entrypoint=["chown"],
            command=["-hR", f"{os.getuid()}:{os.getgid()}", _INSIDE],
            user="0:0",
            labels=labels,
            host_config=client.create_host_config(
                network_mode="none", mounts=[Mount(_INSIDE, str(ml.absolute()), type="bind")]
            ),
        )["Id"]
        client.start(container)
        return bool(client.wait(container)["StatusCode"] == 0)
    except DockerException as error:  # an engine that went away is told: another image would not help
        _log.debug("Image %s cannot give files back: %s", image, error)
        return False
    finally:
        if container is not None:
            with suppress(APIError):
                client.remove_container(container, force=True)
