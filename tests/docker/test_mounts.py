"""Mounted directories with a real Docker Engine: what the container's root and other users can do with them."""

from __future__ import annotations

import io
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from emulator.engines.docker import DockerEngine
from emulator.engines.port import LaunchSpec, Mount
from emulator.optml.layout import Layout
from tests.docker import program_image
from tests.input_files import seen

pytestmark = pytest.mark.docker

CHANNEL = "/opt/ml/input/data/train"
CHECKPOINTS = "/opt/ml/checkpoints"


@pytest.fixture
def foreign_image() -> Iterator[str]:
    """The program with a user that this machine does not know."""
    client = docker.APIClient(version="auto")
    tag = f"{program_image.IMAGE.partition(':')[0]}:{uuid.uuid4().hex[:8]}"
    dockerfile = io.BytesIO(f"FROM {program_image.build()}\nUSER 4321".encode())
    assert all("error" not in step for step in client.build(fileobj=dockerfile, tag=tag, rm=True, decode=True))
    yield tag
    client.remove_image(tag, force=True)
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a file below it, both as the usual umask makes them."""
    folder = tmp_path / "shown"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("data")
    for path in (folder, folder / "deep"):
        path.chmod(0o755)
    return folder


@pytest.fixture
def spec(tmp_path: Path) -> LaunchSpec:
    ml = tmp_path / "ml"
    for child in ("input", "model"):
        (ml / child).mkdir(parents=True)
    return LaunchSpec("job", program_image.IMAGE, ml)


def outcome(engine: DockerEngine, spec: LaunchSpec, script: str) -> list[str]:
    """What a shell says that runs ``script``."""
    handle = engine.launch(replace(spec, entrypoint=("sh", "-c"), arguments=(script,)))
    engine.wait(handle)
    return [line.text for line in engine.logs(handle)]


@pytest.mark.parametrize("shielded", [frozenset({"input"}), frozenset[str]()])
def test_root_in_the_container_cannot_change_a_read_only_directory(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, shielded: frozenset[str]
) -> None:
    if shielded and not engine.shields(spec.ml):
        pytest.skip("this engine cannot lay an overlay over the files of this test")
    attempts = (
        f"echo x > {CHANNEL}/deep/file",
        f"touch {CHANNEL}/new",
        f"chmod 777 {CHANNEL}/deep/file",
        f"rm -r {CHANNEL}/deep",
        f"mount -o remount,rw {CHANNEL}",
        f"umount {CHANNEL}",
        f"mount -t tmpfs tmpfs {CHANNEL}",
    )
    before = seen(folder)
    mounted = replace(spec, shielded=shielded, mounts=(Mount(CHANNEL, folder, read_only=True),))
    script = "; ".join(f"({attempt}) 2>/dev/null && echo '{attempt}'" for attempt in attempts)
    assert outcome(engine, mounted, f"{script}; cat {CHANNEL}/deep/file") == ["data"]
    assert seen(folder) == before


def test_what_lies_around_a_read_only_directory_can_be_written(
    engine: DockerEngine, spec: LaunchSpec, folder: Path
) -> None:
    mounted = replace(spec, mounts=(Mount(CHANNEL, folder, read_only=True),))
    outcome(engine, mounted, "echo beside > /opt/ml/input/data/other")
    assert (spec.ml / "input" / "data" / "other").read_text() == "beside\n"


def test_a_user_of_the_images_own_can_write_to_what_is_not_read_only(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, foreign_image: str
) -> None:
    mounts = (Mount(CHECKPOINTS, folder), Mount("/fsx/data", folder / "deep"))
    outcome(
        engine,
        replace(spec, image=foreign_image, mounts=mounts),
        f"id -u > {CHECKPOINTS}/new; id -u > {CHECKPOINTS}/deep/new; id -u > /fsx/data/other",
    )
    assert {path.read_text() for path in folder.rglob("*") if path.name != "file" and path.is_file()} == {"4321\n"}
    assert len(list(folder.rglob("*"))) == 5


def test_a_read_only_directory_keeps_its_modes_whoever_reads_it(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, foreign_image: str
) -> None:
    mounted = replace(spec, image=foreign_image, mounts=(Mount(CHANNEL, folder, read_only=True),))
    assert outcome(engine, mounted, f"cat {CHANNEL}/deep/file") == ["data"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "deep")} == {0o755}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can see whose the files are without being that user")
def test_what_root_wrote_is_given_to_the_user_and_what_is_read_only_keeps_its_owner(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = tmp_path / "channel"
    channel.mkdir()
    (channel / "file").write_text("data")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("os.getgid", lambda: 12346)
    mounts = (Mount(CHECKPOINTS, folder), Mount(CHANNEL, channel, read_only=True))
    outcome(engine, replace(spec, mounts=mounts), f"touch {CHECKPOINTS}/new")
    assert (folder / "new").stat().st_uid == 12345
    assert (channel / "file").stat().st_uid == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can see whose the files are without being that user")
def test_a_restarted_emulator_knows_which_directories_to_give_back(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("copy", f"{CHECKPOINTS}/deep/file", f"{CHECKPOINTS}/new")
    handle = engine.launch(replace(spec, arguments=arguments, mounts=(Mount(CHECKPOINTS, folder),)))
    engine.wait(handle)
    assert (folder / "new").stat().st_uid == 0
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("os.getgid", lambda: 12346)
    (owned,) = engine.owned()
    assert owned.handle == handle
    engine.remove(owned.handle)
    assert (folder / "new").stat().st_uid == 12345


def test_a_directory_of_the_users_keeps_its_modes_whoever_writes_to_it(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, foreign_image: str
) -> None:
    mounted = replace(spec, image=foreign_image, mounts=(Mount(CHANNEL, folder, users=True),))
    before = seen(folder)
    assert outcome(engine, mounted, f"touch {CHANNEL}/new || cat {CHANNEL}/deep/file")[-1] == "data"
    assert seen(folder) == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "deep")} == {0o755}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can see whose the files are without being that user")
@pytest.mark.parametrize("beside", ["mine", "somebody's"])
def test_in_a_directory_of_the_users_only_what_was_made_there_gets_another_owner(
    engine: DockerEngine, spec: LaunchSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    owners = {folder / "deep": 12345, folder / "deep" / "file": 12345 if beside == "mine" else 54321}
    for path, owner in owners.items():
        os.chown(path, owner, 777)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("os.getgid", lambda: 12346)
    script = f"mkdir -m 700 {CHANNEL}/deep/er; touch {CHANNEL}/deep/er/new"
    outcome(engine, replace(spec, mounts=(Mount(CHANNEL, folder, users=True),)), script)
    assert {path: (path.stat().st_uid, path.stat().st_gid) for path in owners} == {
        path: (owner, 777) for path, owner in owners.items()
    }
    assert (folder.stat().st_uid, folder.stat().st_gid) == (0, 0)
    assert (folder / "deep" / "er" / "new").stat().st_uid == (12345 if beside == "mine" else 0)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can see whose the files are without being that user")
def test_a_container_may_leave_directories_deeper_than_any_path(
    engine: DockerEngine, spec: LaunchSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("os.getgid", lambda: 12346)
    outcome(
        engine, spec, "p=$(printf 'd/%.0s' $(seq 1500)); cd /opt/ml/model; for n in 1 2; do mkdir -p $p; cd $p; done"
    )
    layout = Layout(spec.ml.parent)
    layout.remove()
    assert not layout.root.exists()
