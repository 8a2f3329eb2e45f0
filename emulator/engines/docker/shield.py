"""Shielded children of a job's directory: an overlay file system between them and the container.

Docker's own volume driver mounts it, as root, when the container starts. The child of ``ml`` is the lower layer, which
an overlay only ever reads. What the container writes, truncates, renames, removes or gives another mode goes to an
upper layer in a volume of the engine's: it never lies among the user's files, and nobody has to give it back to them.
"""

from __future__ import annotations

import io
import logging
import re
import tarfile
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import docker
from docker.errors import APIError
from docker.types import Mount

from emulator.engines.docker import container as containers
from emulator.engines.docker.client import conflict, missing_volume
from emulator.engines.docker.facts import Facts
from emulator.engines.mounts import ML
from emulator.engines.port import LaunchSpec

_log = logging.getLogger(__name__)

# Commas, colons and backslashes mean something among mount options, and all options together must fit in a page.
_PLAIN_PATH = re.compile(r"/[\w/.+@=~ -]{0,1000}")

# A directory can be renamed; a file that only gets another mode is not copied; and two names of one blob, which copied
# objects are, go their own ways when one of them is written.
_OPTIONS = "redirect_dir=on,metacopy=on,index=off"

_PROBE = "shield-probe"


class Shields:
    """The overlay volumes of one emulator's containers. Methods raise what docker-py raises."""

    def __init__(self, client: docker.APIClient, facts: Facts, emulator_id: str) -> None:
        self._client = client
        self._facts = facts
        self._id = emulator_id
        self._lock = threading.Lock()
        self._known: dict[int, bool] = {}

    def work(self, ml: Path) -> bool:
        """Whether children of ``ml`` can be shielded; tried once for each file system."""
        # With SELinux nobody has tried whether a confined container may read what the engine mounts for it.
        if not self._facts.native or self._facts.selinux or not _PLAIN_PATH.fullmatch(str(ml.absolute())):
            return False
        with self._lock:
            device = ml.stat().st_dev
            if device not in self._known:
                self._known[device] = self._try(ml.parent)
            return self._known[device]

    def make(self, spec: LaunchSpec) -> dict[str, str]:
        """Make the volumes of a container, afresh; answers each shielded child's."""
        if spec.shielded:
            self.remove(spec.name)
        return {child: self._overlay(spec.name, child, spec.ml.absolute() / child) for child in spec.shielded}

    def open_to_all(self, container: str, children: Iterable[str]) -> None:
        """Let any user write right below the shielded children of a container that was made and has not started.

        An overlay's own directory has the owner and mode of its upper layer, which begins as root's; what lies in it
        is as it is in the lower one.
        """
        if children := list(children):
            self._client.put_archive(container, str(ML), _directories(children))

    def remove(self, name: str) -> None:
        """Remove the volumes of a container that is gone; those of one that is not stay."""
        self._remove(self._listed(f"{containers.CONTAINER}={name}"))

    def sweep(self, alive: Collection[str]) -> None:
        """Remove the volumes of every container that is not among ``alive``, by name: a crash left them."""
        self._remove(found for found in self._listed() if found["Labels"].get(containers.CONTAINER) not in alive)

    def _overlay(self, name: str, child: str, lower: Path) -> str:
        upper, work = (self._volume(name, f"{child}-{part}")["Mountpoint"] for part in ("upper", "work"))
        layers = f"lowerdir={lower},upperdir={upper},workdir={work},{_OPTIONS}"
        made = self._volume(name, child, {"type": "overlay", "device": "overlay", "o": layers})
        return str(made["Name"])

    def _volume(self, name: str, part: str, options: dict[str, str] | None = None) -> dict[str, str]:
        """Make a volume, or find it."""
        made: dict[str, str] = self._client.create_volume(
            f"{containers.container_name(self._id, name)}-{part}",
            driver="local",
            driver_opts=options,
            labels={containers.ID: self._id, containers.CONTAINER: name},
        )
        return made

    def _listed(self, *labels: str) -> list[dict[str, dict[str, str]]]:
        found = self._client.volumes(filters={"label": [containers.label(self._id), *labels]})
        return list(found["Volumes"] or ())

    def _remove(self, volumes: Iterable[dict[str, dict[str, str]]]) -> None:
        for volume in volumes:
            try:
                self._client.remove_volume(volume["Name"])
            except APIError as error:
                if not (conflict(error) or missing_volume(error)):  # 409: its container is still there
                    raise

    def _try(self, directory: Path) -> bool:
        """Whether a file below ``directory`` stays what it is when a container that was made replaces it."""
        try:
            with TemporaryDirectory(prefix=".shield-", dir=directory) as name:
                lower = Path(name, "child", "file")
                lower.parent.mkdir()
                lower.write_bytes(b"before")
                with self._probe(lower.parent.parent) as container:
                    self._client.put_archive(container, str(ML / "child"), _file("file", b"after"))
                    return lower.read_bytes() == b"before"
        except (APIError, LookupError) as error:  # no image at all
            _log.info("This engine cannot shield files below %s, so jobs get copies of them: %s", directory, error)
            return False

    @contextmanager
    def _probe(self, ml: Path) -> Iterator[str]:
        """A container, never started, of any image that sees ``child`` of ``ml`` shielded."""
        spec = LaunchSpec(f"{_PROBE}-{uuid.uuid4().hex[:8]}", self._client.images(quiet=True)[0], ml)
        try:
            volume = self._overlay(spec.name, "child", ml / "child")
            yield self._client.create_container(
                spec.image,
                ["none"],
                labels={containers.ID: self._id, containers.CONTAINER: spec.name},
                host_config=self._client.create_host_config(
                    network_mode="none", mounts=[Mount(str(ML / "child"), volume, type="volume")]
                ),
            )["Id"]
        finally:
            for found in self._client.containers(all=True, filters={"label": f"{containers.CONTAINER}={spec.name}"}):
                self._client.remove_container(found["Id"], v=True, force=True)
            self.remove(spec.name)


def _directories(names: Iterable[str]) -> bytes:
    members = [tarfile.TarInfo(name) for name in names]
    for member in members:
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o777, int(time.time())
    return _tar(members)


def _file(name: str, content: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return _tar([member], content)


def _tar(members: Iterable[tarfile.TarInfo], content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
