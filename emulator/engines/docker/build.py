"""Building the first-party images, and telling which are built."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import docker
from docker.errors import APIError, ImageNotFound

from emulator.engines import images, sockets
from emulator.engines.docker.client import connect, translated
from emulator.engines.port import EngineError

Progress = Callable[[str], None]
"""Called with each line a build prints."""

_KEPT_LINES = 20


@dataclass(frozen=True, slots=True)
class Status:
    """One first-party image. ``size`` is in bytes; ``outdated`` was built from other sources than there are now."""

    name: str
    tag: str
    state: Literal["missing", "built", "outdated"]
    size: int | None


def build(names: Iterable[str], on_progress: Progress, url: str | None = None) -> None:
    """Build the images ``names`` and what they are based on; unchanged ones take a moment.

    Raises `EngineError` with what to do when one cannot be built.
    """
    ordered = list(dict.fromkeys((images.BASE, *names)))
    if unknown := [name for name in ordered if name not in _known()]:
        raise EngineError(f"No such image: {', '.join(unknown)}. There are: {', '.join(_known())}.")
    client = connect(url or sockets.find() or sockets.candidates()[0])
    try:
        _require_python(client, on_progress)
        for name in ordered:
            _build_one(client, name, on_progress)
    finally:
        client.close()


def statuses(url: str | None = None) -> list[Status]:
    """Every first-party image, as the engine has it."""
    client = connect(url or sockets.find() or sockets.candidates()[0])
    try:
        with translated("look for images"):
            return [_status(client, name) for name in _known()]
    finally:
        client.close()


def _known() -> tuple[str, ...]:
    return (images.BASE, *images.FIRST_PARTY)


def _status(client: docker.APIClient, name: str) -> Status:
    tag, _ = images.local_tags(name)  # what another version left as the latest is not used
    found = _inspect(client, tag)
    if found is None:
        return Status(name, tag, "missing", None)
    fresh = images.is_current(name, found["Config"].get("Labels") or {})
    return Status(name, tag, "built" if fresh else "outdated", int(found["Size"]))


def _inspect(client: docker.APIClient, tag: str) -> dict[str, Any] | None:
    try:
        return dict(client.inspect_image(tag))  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return None


def _require_python(client: docker.APIClient, on_progress: Progress) -> None:
    """Have the image everything starts from: it is there, or can be pulled, or somebody must make it."""
    with translated("look for images"):
        if _inspect(client, images.PYTHON_IMAGE) is not None:
            return
    on_progress(f"Pulling {images.PYTHON_IMAGE}")
    try:
        client.pull(images.PYTHON_IMAGE)
    except APIError as error:
        raise EngineError(
            f"{images.PYTHON_IMAGE} is not here and cannot be pulled ({error.explanation}). Where no registry can be "
            f"reached, make it from Debian's packages: `sudo bash {images.containers_dir() / 'mkbase.sh'}` "
            "(on Debian 12, needs mmdebstrap)."
        ) from error


def _build_one(client: docker.APIClient, name: str, on_progress: Progress) -> None:
    version, latest = images.local_tags(name)
    parent = images.PYTHON_IMAGE if name == images.BASE else images.local_tags(images.BASE)[0]
    on_progress(f"Building {version}")
    with translated(f"build {version}"):
        events = client.build(
            fileobj=_context(name),
            custom_context=True,
            tag=version,
            buildargs={"BASE_IMAGE": parent},
            labels={images.CONTEXT_LABEL: images.context_hash(name)},
            rm=True,  # docker-py's default leaves every step's container behind
            forcerm=True,
            decode=True,
        )
        _follow(name, events, on_progress)
        client.tag(version, latest.partition(":")[0], latest.partition(":")[2])


def _follow(name: str, events: Iterator[dict[str, Any]], on_progress: Progress) -> None:
    said: list[str] = []
    for event in events:
        if "error" in event:
            raise EngineError(f"The image {name} could not be built: {event['error']}\n" + "\n".join(said))
        for line in str(event.get("stream", "")).splitlines():
            if line.strip():
                on_progress(line)
                said = [*said, line][-_KEPT_LINES:]


def _context(name: str) -> io.BytesIO:
    """The image's sources as a tar archive: exactly the files that `images.context_hash` counts."""
    buffer = io.BytesIO()
    folder = images.containers_dir() / name
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in images.sources(name):
            archive.add(path, str(path.relative_to(folder)), recursive=False)
    buffer.seek(0)
    return buffer
