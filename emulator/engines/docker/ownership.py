"""Gives the files that a container wrote as root to the user who runs the emulator.

Without this a user could neither read what a job wrote with a private mode nor remove the job's directory. Nothing is
to be done where the emulator is root, or where the engine maps container users to the invoking user.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import docker
from docker.errors import APIError, DockerException
from docker.types import Mount

from emulator.engines.port import LaunchSpec

_log = logging.getLogger(__name__)

_INSIDE = "/mnt"


def foreign(folder: Path, uid: int) -> bool:
    """Whether anything below ``folder`` belongs to somebody else than ``uid``, as far as can be seen."""
    return any(entry.stat(follow_symlinks=False).st_uid != uid for entry in _walk(folder))


def hand_over(client: docker.APIClient, folders: Iterable[Path], images: Sequence[str], labels: dict[str, str]) -> None:
    """Give everything below ``folders`` to this process's user, by a container of the first image that has
    ``chown``."""
    theirs = [folder for folder in folders if folder.is_dir() and foreign(folder, os.getuid())]
    if theirs and not any(_chown(client, theirs, image, labels) for image in images):
        named = " ".join(map(str, theirs))
        _log.warning("Files belong to root, and no image at hand has `chown`: sudo chown -R $USER %s", named)


def open_to_all(spec: LaunchSpec) -> None:
    """Let any user write into the directories below ``spec.ml`` and into its writable mounts: an image may name a user
    of its own, whose uid is not ours. The job's directory itself stays private, so that this opens nothing of it to
    other users of the machine."""
    sources = [mount.source for mount in spec.mounts if not mount.read_only]
    for folder in chain(_directories(spec.ml), sources, *map(_directories, sources)):
        with suppress(PermissionError):  # somebody else's already
            folder.chmod(0o777)


def _directories(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in _walk(folder) if entry.is_dir(follow_symlinks=False))


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path)
    except (PermissionError, FileNotFoundError):  # unreadable means foreign, and its own entry was yielded already
        return


def _chown(client: docker.APIClient, folders: Sequence[Path], image: str, labels: dict[str, str]) -> bool:
    """Whether a container of ``image`` could do it."""
    container = None
    mounts = [Mount(f"{_INSIDE}/{number}", str(folder), type="bind") for number, folder in enumerate(folders)]
    try:
        container = client.create_container(
            image,
            entrypoint=["chown"],
            command=["-hR", f"{os.getuid()}:{os.getgid()}", _INSIDE],
            user="0:0",
            labels=labels,
            host_config=client.create_host_config(network_mode="none", mounts=mounts),
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
