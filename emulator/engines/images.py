"""First-party images: which image names are ours, and where their sources are.

A request names an image as it would at AWS. Its repository name and the form of its tag decide, not its account or
region, so every regional sibling of a built-in algorithm means the image built here. Any other name is the user's own
local image, a tag that AWS would not give (``sagemaker-xgboost:my-own``) included.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.engines.port import EngineError
from emulator.version import __version__

CONTEXT_LABEL = "sagemaker-emulator.context"
"""An image's label with the `context_hash` of what it was built from."""

LOCAL_PREFIX = "sagemaker-emulator/"
BASE = "base"
PYTHON_IMAGE = "python:3.11-slim-bookworm"

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([a-z0-9._/-]+?)(?::([\w.-]+))?(?:@.+)?")


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags AWS gives the images of one repository, as a regular expression and as the documentation puts it."""

    pattern: str
    said: str


# Tags seen: 0.90-1-cpu-py3 ... 3.0-5 (docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths, xgboost).
_RELEASES = Tags(r"\d+\.\d+-\d+(-(cpu|gpu))?(-py\d+)?", "releases such as 1.7-1 and 0.90-2-cpu-py3")


@dataclass(frozen=True, slots=True)
class FirstParty:
    """One image of ours.

    ``repositories`` maps the repository names that mean it to the tags that do.
    ``package`` is the Python package it runs and ``needs`` what that imports, for running it without Docker.
    """

    name: str
    repositories: Mapping[str, Tags]
    package: str
    needs: tuple[str, ...]


FIRST_PARTY: Mapping[str, FirstParty] = {
    image.name: image
    for image in (
        FirstParty(
            "xgboost",
            {"sagemaker-xgboost": _RELEASES, "xgboost": Tags("1|latest", "1, latest")},
            "sagemaker_xgboost",
            ("xgboost", "numpy", "pandas", "scipy", "httptools", "uvicorn"),
        ),
    )
}


def first_party(image: str) -> str | None:
    """The name of our image that ``image`` means (``xgboost``), or None when it is the user's own."""
    if image.startswith(LOCAL_PREFIX):
        name = image.removeprefix(LOCAL_PREFIX).partition(":")[0]
        return name if name in FIRST_PARTY else None
    match = _ECR.fullmatch(image)
    return next((one.name for one in FIRST_PARTY.values() if match and _means(one, match[1], match[2])), None)


def _means(image: FirstParty, repository: str, tag: str | None) -> bool:
    tags = image.repositories.get(repository)
    return tags is not None and re.fullmatch(tags.pattern, tag or "latest") is not None


def local_tags(name: str) -> tuple[str, str]:
    """What our image ``name`` is called in Docker: as this version builds and runs it, and, for people, the latest."""
    return f"{LOCAL_PREFIX}{name}:{__version__}", f"{LOCAL_PREFIX}{name}:latest"


def containers_dir() -> Path:
    """The directory with one folder of sources for each image; in an installed package or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "_containers", package.parent / "containers"):
        if (candidate / BASE).is_dir():
            return candidate
    raise EngineError(
        f"The sources of the first-party images are missing (looked for {package / '_containers'}). Reinstall "
        "sagemaker-emulator, or run it from a complete checkout."
    )


def sources(name: str) -> list[Path]:
    """Every file of the image ``name``; what Python compiled while running from there is left out."""
    folder = containers_dir() / name
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if "__pycache__" not in path.parts]


def context_hash(name: str) -> str:
    """A fingerprint of everything the image ``name`` is built from, the base image's sources included."""
    digest = hashlib.sha256()
    for folder in dict.fromkeys((BASE, name)):
        for path in sources(folder):
            digest.update(f"{folder}/{path.relative_to(containers_dir() / folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(name: str, labels: Mapping[str, str]) -> bool:
    """Whether an image with these labels was built from the sources of ``name`` that there are now."""
    return labels.get(CONTEXT_LABEL) == context_hash(name)
