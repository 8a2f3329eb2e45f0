"""The images that the engine has, by the names that requests give them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError

from emulator.engines import images
from emulator.engines.docker.client import translated
from emulator.engines.docker.container import Image
from emulator.engines.docker.facts import Facts
from emulator.engines.port import EngineError, ImageMissing

_log = logging.getLogger(__name__)

_OUTDATED = "%s was built from other sources than this emulator has: run `sagemaker-emulator images build`."


class KnownImages:
    """Finds images, and tells once of each of ours that is not what it should be."""

    def __init__(self, client: docker.APIClient, facts: Facts) -> None:
        self._client = client
        self._facts = facts
        self._lock = threading.Lock()
        self._compared: set[str] = set()

    def find(self, image: str) -> Image:
        """``image`` as the engine knows it; raises `ImageMissing`.

        Of ours only the one of this version: what another version built may speak another contract.
        """
        name = images.first_party(image)
        tag = image if name is None else images.local_tags(name)[0]
        found = self._inspect(tag)
        if found is None:
            raise ImageMissing(_remedy(image, name))
        id, config = str(found["Id"]), found.get("Config") or {}
        user = str(config.get("User") or "")
        if name is None:
            return Image(tag, id, False, user)
        self._compare(name, tag, id, config.get("Labels") or {})
        return Image(tag, id, True, user, self._run_as())

    def _run_as(self) -> str | None:
        """The user of a first-party image: ourselves, so that what it writes is ours from the beginning."""
        if not self._facts.native or os.getuid() == 0:
            return None
        return f"{os.getuid()}:{os.getgid()}"

    def _compare(self, name: str, tag: str, id: str, labels: Mapping[str, str]) -> None:
        """Warn, once for an image, when it was built from other sources than there are now."""
        with self._lock:
            known = id in self._compared
            self._compared.add(id)
        if known:
            return
        with suppress(EngineError):  # without the sources there is nothing to compare with
            if not images.is_current(name, labels):
                _log.warning(_OUTDATED, tag)

    def _inspect(self, tag: str) -> dict[str, Any] | None:
        with translated(f"look for the image {tag}"):
            try:
                return dict(self._client.inspect_image(tag))  # type: ignore[no-untyped-call]
            except APIError as error:
                if error.status_code in (404, 400):  # 400: not even a name an image can have
                    return None
                raise


def _remedy(image: str, name: str | None) -> str:
    if name is not None:
        return f"The image for {image} is not built yet. Run `sagemaker-emulator images build {name}`, then try again."
    return (
        f"Docker has no image named {image}. Run `docker pull {image}`, or `docker build -t {image} .` where its "
        "Dockerfile is, then try again."
    )
