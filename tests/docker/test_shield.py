"""Shielded children with a real Docker Engine: what a container sees of them, and what is left afterwards."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from emulator.engines.docker import DockerEngine
from emulator.engines.docker import facts as engine_facts
from emulator.engines.port import EngineError, LaunchSpec, Unshielded
from tests.docker import program_image
from tests.input_files import NAMES, link_input, seen

pytestmark = pytest.mark.docker

INPUT = frozenset({"input"})
DEEDS = {*NAMES, "move", "add"} - {"twin"}


@pytest.fixture
def spec(tmp_path: Path) -> LaunchSpec:
    """A program that does its worst to files that are stored ones."""
    ml = tmp_path / "ml"
    link_input(ml, tmp_path / "stored")
    return LaunchSpec("job", program_image.IMAGE, ml, ("spoil",), shielded=INPUT)


@pytest.fixture
def shielding(engine: DockerEngine, spec: LaunchSpec) -> DockerEngine:
    if not engine.shields(spec.ml):
        pytest.skip("this engine cannot lay an overlay over the files of this test")
    return engine


@pytest.fixture
def foreign_image(client: docker.APIClient) -> Iterator[str]:
    """The program with a user that this machine does not know."""
    tag = f"{program_image.IMAGE.partition(':')[0]}:{uuid.uuid4().hex[:8]}"
    dockerfile = io.BytesIO(f"FROM {program_image.build()}\nUSER 4321".encode())
    assert all("error" not in step for step in client.build(fileobj=dockerfile, tag=tag, rm=True, decode=True))
    yield tag
    client.remove_image(tag, force=True)


def volumes(client: docker.APIClient, identity: str) -> list[str]:
    found = client.volumes(filters={"label": f"sagemaker-emulator.id={identity}"})["Volumes"] or []
    return [volume["Name"] for volume in found]


def outcomes(engine: DockerEngine, spec: LaunchSpec) -> dict[str, str]:
    """What the program says of each of its deeds."""
    handle = engine.launch(spec)
    assert engine.wait(handle).code == 0
    return dict(line.text.split(": ", 1) for line in engine.logs(handle))


def test_a_container_may_do_anything_to_its_input(shielding: DockerEngine, spec: LaunchSpec, tmp_path: Path) -> None:
    before = seen(tmp_path)
    assert outcomes(shielding, spec) == dict.fromkeys(DEEDS, "done")
    assert seen(tmp_path) == before


def test_a_container_with_a_user_of_its_own_may_write_to_its_input(
    shielding: DockerEngine, spec: LaunchSpec, foreign_image: str, tmp_path: Path
) -> None:
    before = seen(tmp_path)
    of_others = dict.fromkeys(("mode", "time"), "Operation not permitted")
    assert outcomes(shielding, replace(spec, image=foreign_image)) == dict.fromkeys(DEEDS, "done") | of_others
    assert seen(tmp_path) == before


def test_two_names_of_one_blob_go_their_own_ways(shielding: DockerEngine, spec: LaunchSpec) -> None:
    script = (
        "import pathlib; data = pathlib.Path('/opt/ml/input/data'); (data / 'append').open('a').write('x');"
        "print((data / 'append').read_text(), '-', (data / 'twin').read_text())"
    )
    handle = shielding.launch(replace(spec, entrypoint=("python3", "-c"), arguments=(script,)))
    assert [line.text for line in shielding.logs(handle)] == ["stored appendx - stored append"]


def test_nothing_of_it_is_left_when_the_container_is_removed(
    shielding: DockerEngine, spec: LaunchSpec, identity: str, client: docker.APIClient
) -> None:
    handle = shielding.launch(spec)
    assert volumes(client, identity)
    shielding.wait(handle)
    shielding.remove(handle)
    assert volumes(client, identity) == []


def test_a_container_that_cannot_start_leaves_no_volume(
    shielding: DockerEngine, spec: LaunchSpec, identity: str, client: docker.APIClient
) -> None:
    with pytest.raises(EngineError, match="no such program"):
        shielding.launch(replace(spec, entrypoint=("no-such-program",)))
    assert volumes(client, identity) == []
    (spec.ml / "dangling").symlink_to(spec.ml / "nowhere")
    with pytest.raises(EngineError, match="directory of the job is missing"):
        shielding.launch(spec)
    assert volumes(client, identity) == []


def test_what_a_crash_left_is_removed_by_the_next_engine_and_what_is_in_use_is_not(
    shielding: DockerEngine, spec: LaunchSpec, identity: str, client: docker.APIClient
) -> None:
    shielding.launch(replace(spec, arguments=("ignore_term",)))
    used = volumes(client, identity)
    labels = {"sagemaker-emulator.id": identity, "sagemaker-emulator.name": "died-before-its-container"}
    client.create_volume(f"left-{identity}", labels=labels)
    DockerEngine(identity, network=identity).prepare()
    assert sorted(volumes(client, identity)) == sorted(used)


def test_a_container_that_is_launched_anew_sees_its_input_anew(
    shielding: DockerEngine, spec: LaunchSpec, client: docker.APIClient
) -> None:
    handle = shielding.launch(spec)
    shielding.wait(handle)
    client.remove_container(handle["id"])
    assert outcomes(shielding, spec) == dict.fromkeys(DEEDS, "done")


@pytest.mark.parametrize("name", ["with,comma", "with:colon", "with\\backslash"])
def test_a_path_that_mount_options_cannot_say_is_not_shielded(engine: DockerEngine, tmp_path: Path, name: str) -> None:
    (tmp_path / name / "ml").mkdir(parents=True)
    assert not engine.shields(tmp_path / name / "ml")


@pytest.mark.parametrize("change", [{"native": False}, {"selinux": True}])
def test_an_engine_on_another_kernel_or_with_selinux_shields_nothing(
    engine: DockerEngine, spec: LaunchSpec, change: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = engine_facts.read
    monkeypatch.setattr(engine_facts, "read", lambda *given: replace(read(*given), **change))
    other = DockerEngine(engine._id, network=engine._network)
    assert not other.shields(spec.ml)
    with pytest.raises(Unshielded):
        other.launch(spec)
    other.close()


def test_an_engine_that_cannot_mount_an_overlay_there_says_no_and_leaves_nothing(
    engine: DockerEngine, spec: LaunchSpec, identity: str, client: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.engines.docker.shield._OPTIONS", "no_such_option=on")
    assert not engine.shields(spec.ml)
    assert not engine.shields(spec.ml)
    assert volumes(client, identity) == []
    assert engine.owned() == []
    assert [path.name for path in spec.ml.parent.iterdir() if path.name.startswith(".")] == []
