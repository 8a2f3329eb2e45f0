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
    return any(_owner(entry) not in (None, uid) for entry in _walk(folder))


def _owner(entry: os.DirEntry[str]) -> int | None:
    """None where it is gone by now."""
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:
        return None


def returned(spec: LaunchSpec) -> list[Path]:
    """The writable mounts of the user's own in which everything is this user's: what is somebody else's in them when
    the container has ended, the container made."""
    uid = os.getuid()
    if uid == 0:  # nothing is given back to root
        return []
    sources = [mount.source for mount in spec.mounts if mount.users and not mount.read_only]
    return [source for source in sources if not foreign(source, uid)]


def hand_over(
    client: docker.APIClient,
    folders: Iterable[Path],
    images: Sequence[str],
    labels: dict[str, str],
    *,
    only_theirs: bool = False,
) -> None:
    """Give everything below ``folders`` to this process's user and group, by a container of the first image that has
    ``chown``; with ``only_theirs`` and ``find``, what is the user's already stays as it is."""
    command = (_return if only_theirs else _give)(f"{os.getuid()}:{os.getgid()}")
    theirs = [folder for folder in folders if folder.is_dir() and foreign(folder, os.getuid())]
    if theirs and not any(_run(client, theirs, image, command, labels) for image in images):
        named = " ".join(map(str, theirs))
        _log.warning("Files belong to root, and no image at hand has `chown`: sudo chown -R $USER %s", named)


def open_to_all(spec: LaunchSpec) -> None:
    """Let any user write into the directories below ``spec.ml`` and into its writable mounts: an image may name a user
    of its own, whose uid is not ours. The job's directory itself stays private, so that this opens nothing of it to
    other users of the machine. Directories of the user's own stay as they are."""
    sources = [mount.source for mount in spec.mounts if not (mount.read_only or mount.users)]
    for folder in chain(_directories(spec.ml), sources, *map(_directories, sources)):
        with suppress(PermissionError):  # somebody else's already
            folder.chmod(0o777)


def _directories(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in _walk(folder) if entry.is_dir(follow_symlinks=False))


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder, as far as it can be seen. A container can make it deeper than a path can say."""
    pending = [os.fspath(folder)]
    while pending:
        # Unreadable means foreign, and its own entry was yielded already.
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)


def _give(user: str) -> list[str]:
    return ["chown", "-hR", user, _INSIDE]


def _return(user: str) -> list[str]:
    """What is in the folders, not they themselves."""
    uid = user.partition(":")[0]
    return ["find", _INSIDE, "-mindepth", "2", "!", "-user", uid, "-exec", "chown", "-h", user, "{}", "+"]


def _run(
    client: docker.APIClient,
    folders: Sequence[Path],
    image: str,
    command: Sequence[str],
    labels: dict[str, str],
) -> bool:
    """Whether a container of ``image`` could do it."""
    container = None
    mounts = [Mount(f"{_INSIDE}/{number}", str(folder), type="bind") for number, folder in enumerate(folders)]
    try:
        container = client.create_container(
            image,
            entrypoint=[command[0]],
            command=list(command[1:]),
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
