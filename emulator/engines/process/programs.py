"""Which commands the process engine runs, and in what environment."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from emulator.engines import images
from emulator.engines.port import EngineError, ImageMissing, LaunchSpec

EXTRA = "algorithms"

# What the first-party images set; a spinning OpenMP is slow beyond measure on a busy machine.
_IMAGE_ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "PASSIVE"}

# Some Pythons find their own libraries only through these.
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Command:
    """A program, the paths it must be able to see, and what its environment needs."""

    argv: tuple[str, ...]
    visible: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def command(image: str, table: Mapping[str, Sequence[str]] | None = None) -> Command:
    """What runs ``image``; raises `ImageMissing` when it cannot be run here.

    ``table`` replaces the first-party images by commands of one's own.
    """
    if table is not None:
        if image not in table:
            raise ImageMissing(f"No program stands for the image {image}.")
        argv = tuple(table[image])
        return Command(argv, tuple(path for path in map(Path, argv) if path.is_absolute() and path.exists()))
    return _first_party(image)


def environment(spec: LaunchSpec, port: int | None) -> dict[str, str]:
    """A clean environment: the emulator's own, with whatever secrets it holds, does not reach the program."""
    paths = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    found = {"PATH": os.pathsep.join(paths), **_IMAGE_ENVIRONMENT}
    found |= {name: os.environ[name] for name in _LIBRARY_PATHS if name in os.environ}
    if site.ENABLE_USER_SITE:  # HOME will be another, and packages of `pip install --user` would be lost
        found["PYTHONUSERBASE"] = site.getuserbase()
    if port is not None:
        found["SAGEMAKER_BIND_TO_PORT"] = str(port)
    if spec.cpus is not None and spec.cpus < (os.cpu_count() or 1):
        found["OMP_NUM_THREADS"] = str(max(1, int(spec.cpus)))
    return found


def source_paths(name: str) -> tuple[Path, Path]:
    """Where the sources of the image ``name`` and of what all images share are."""
    return images.containers_dir() / images.BASE, images.containers_dir() / name


def _first_party(image: str) -> Command:
    name = images.first_party(image)
    if name is None:
        raise ImageMissing(
            f"The image {image} needs Docker: without it only the built-in algorithms run "
            f"({', '.join(images.FIRST_PARTY)}). Start Docker and use `--engine docker`."
        )
    known = images.FIRST_PARTY[name]
    if missing := [module for module in known.needs if find_spec(module) is None]:
        raise ImageMissing(
            f"{image} needs {', '.join(missing)} in the emulator's Python. Run `pip install "
            f"'sagemaker-emulator[{EXTRA}]'`, then try again."
        )
    paths = source_paths(name)
    # The emulator's own PYTHONPATH comes along: what was found above may have been found there.
    python_path = os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get("PYTHONPATH")])])
    if not (paths[1] / known.package).is_dir():
        raise EngineError(f"The sources of the image {name} are missing below {images.containers_dir()}.")
    return Command((sys.executable, "-m", known.package), paths, {"PYTHONPATH": python_path})
