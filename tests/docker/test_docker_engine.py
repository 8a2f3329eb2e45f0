"""What only Docker has: limits, networks, ownership, and the ways an engine can refuse."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from emulator.engines.docker import DockerEngine
from emulator.engines.docker import facts as engine_facts
from emulator.engines.port import ContainerGone, EngineAway, EngineError, Handle, ImageMissing, LaunchSpec
from emulator.version import __version__
from tests.docker import program_image

pytestmark = pytest.mark.docker

MIB = 1024 * 1024
PYTHON = "python:3.11-slim-bookworm"
BUILT_IN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture
def spec(tmp_path: Path) -> Any:
    def make(*arguments: str, name: str = "job", image: str = program_image.IMAGE, **options: Any) -> LaunchSpec:
        ml = tmp_path / name
        for child in ("input", "model", "output"):
            (ml / child).mkdir(parents=True, exist_ok=True)
        return LaunchSpec(name, image, ml, arguments, **options)

    return make


def host_config(client: docker.APIClient, handle: Handle) -> dict[str, Any]:
    return dict(client.inspect_container(handle["id"])["HostConfig"])


def test_running_out_of_memory_is_told_from_being_killed(engine: DockerEngine, spec: Any) -> None:
    ended = engine.wait(engine.launch(spec("allocate", "500", memory=64 * MIB)))
    assert (ended.code, ended.out_of_memory) == (128 + signal.SIGKILL, True)


def test_a_child_that_runs_out_of_memory_leaves_the_programs_own_exit_code(engine: DockerEngine, spec: Any) -> None:
    ended = engine.wait(engine.launch(spec("lose_child", "500", "5", memory=64 * MIB)))
    assert (ended.code, ended.out_of_memory) == (5, False)


def test_a_program_that_ends_as_its_killed_child_did_ran_out_of_memory(engine: DockerEngine, spec: Any) -> None:
    ended = engine.wait(engine.launch(spec("lose_child", "500", "137", memory=64 * MIB)))
    assert (ended.code, ended.out_of_memory) == (128 + signal.SIGKILL, True)


def test_what_somebody_removes_while_it_runs_is_gone_and_not_only_killed(
    engine: DockerEngine, spec: Any, client: docker.APIClient
) -> None:
    handle = engine.launch(spec("ignore_term"))
    with ThreadPoolExecutor(1) as waiting:
        ending = waiting.submit(engine.wait, handle)
        next(iter(engine.logs(handle)))
        client.remove_container(handle["id"], force=True)
        with pytest.raises(ContainerGone):
            ending.result()


def test_what_somebody_kills_has_ended(engine: DockerEngine, spec: Any, client: docker.APIClient) -> None:
    handle = engine.launch(spec("ignore_term"))
    next(iter(engine.logs(handle)))
    client.kill(handle["id"])
    assert engine.wait(handle).code == 128 + signal.SIGKILL


@pytest.mark.parametrize("native", [True, False])
def test_usage_tells_the_limit_and_leaves_out_what_the_page_cache_holds(
    engine: DockerEngine, spec: Any, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    script = "dd if=/dev/zero of=/file bs=1M count=48 2>/dev/null; cat /file > /dev/null; echo read; exec sleep inf"
    handle = engine.launch(spec(script, entrypoint=("sh", "-c"), memory=128 * MIB))
    next(iter(engine.logs(handle)))
    opened = engine._open()
    monkeypatch.setattr(opened, "facts", replace(opened.facts, native=native))
    used = engine.usage(handle)
    assert used.memory_limit == 128 * MIB
    assert 0 < used.memory < 24 * MIB


def test_limits_are_clamped_to_the_host(engine: DockerEngine, spec: Any, client: docker.APIClient) -> None:
    info = client.info()
    handle = engine.launch(spec("end", "0", cpus=10_000, memory=2**60))
    config = host_config(client, handle)
    assert config["NanoCpus"] == info["NCPU"] * 10**9
    assert config["Memory"] == config["MemorySwap"] == info["MemTotal"]


def test_fewer_cpus_than_the_host_are_told_to_openmp(engine: DockerEngine, spec: Any) -> None:
    handle = engine.launch(spec("environment", cpus=0.5))
    assert '"OMP_NUM_THREADS": "1"' in next(iter(engine.logs(handle))).text


def test_shared_memory_is_half_of_the_memory(engine: DockerEngine, spec: Any, client: docker.APIClient) -> None:
    handle = engine.launch(spec("end", "0", memory=256 * MIB))
    assert host_config(client, handle)["ShmSize"] == 128 * MIB


def test_containers_are_confined_and_their_logs_never_rotate(
    engine: DockerEngine, spec: Any, client: docker.APIClient
) -> None:
    config = host_config(client, engine.launch(spec("end", "0")))
    assert "no-new-privileges" in config["SecurityOpt"]
    assert set(config["CapDrop"]) == {"NET_RAW", "MKNOD"}
    assert config["PidsLimit"] > 0
    assert not config["AutoRemove"]
    assert config["LogConfig"]["Type"] == "json-file"
    assert config["LogConfig"]["Config"] == {"max-size": "1p"}


def test_a_missing_program_is_named_and_leaves_nothing(engine: DockerEngine, spec: Any) -> None:
    with pytest.raises(EngineError, match=r'"no-such-program".*train') as raised:
        engine.launch(spec("no-such-program", image=PYTHON))
    assert PYTHON in str(raised.value)
    assert engine.owned() == []


def test_a_missing_job_directory_is_an_error_not_an_empty_mount(engine: DockerEngine, spec: Any) -> None:
    broken = spec("end", "0")
    (broken.ml / "dangling").symlink_to(broken.ml / "nowhere")
    with pytest.raises(EngineError, match="directory of the job is missing"):
        engine.launch(broken)
    assert engine.owned() == []


def test_first_party_images_that_are_not_built_say_how_to(
    engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.engines.images.LOCAL_PREFIX", "sagemaker-emulator-test/")
    with pytest.raises(EngineError, match="sagemaker-emulator images build xgboost"):
        engine.require_image(BUILT_IN)


@pytest.fixture
def ours(client: docker.APIClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Gives an image, built from other sources, the name of one of ours under another prefix, and the tag asked for."""
    prefix = f"sagemaker-emulator-test-{uuid.uuid4().hex[:8]}/"
    monkeypatch.setattr("emulator.engines.images.LOCAL_PREFIX", prefix)
    made: list[str] = []

    def tag(name: str) -> None:
        client.tag(program_image.IMAGE, f"{prefix}xgboost", name)
        made.append(f"{prefix}xgboost:{name}")

    yield tag
    for name in made:
        client.remove_image(name)


def test_the_image_of_another_version_is_not_taken(engine: DockerEngine, ours: Callable[[str], None]) -> None:
    ours("latest")
    ours("0.0.0-other")
    with pytest.raises(ImageMissing, match="sagemaker-emulator images build xgboost"):
        engine.require_image(BUILT_IN)


def test_an_image_of_other_sources_is_told_once(
    engine: DockerEngine, ours: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    ours(__version__)
    assert engine.require_image(BUILT_IN).endswith(f"xgboost:{__version__}")
    engine.require_image(BUILT_IN)
    assert caplog.text.count("built from other sources") == caplog.text.count("sagemaker-emulator images build") == 1


def test_a_container_that_was_made_but_never_started_makes_way(
    engine: DockerEngine, identity: str, spec: Any, client: docker.APIClient
) -> None:
    labels = {"sagemaker-emulator.id": identity, "sagemaker-emulator.name": "job"}
    client.create_container(PYTHON, ["true"], name=f"sagemaker-emulator-{identity}-job", labels=labels)
    (left,) = engine.owned()
    assert engine.state(left.handle) == "gone"
    assert engine.wait(engine.launch(spec("end", "3"))).code == 3


def test_somebody_elses_container_of_the_same_name_is_left_alone(
    engine: DockerEngine, identity: str, spec: Any, client: docker.APIClient
) -> None:
    name = f"sagemaker-emulator-{identity}-job"
    made = client.create_container(PYTHON, ["true"], name=name)
    try:
        with pytest.raises(EngineError, match=f"{name} exists"):
            engine.launch(spec("end", "0"))
    finally:
        client.remove_container(made["Id"])


def test_an_address_in_use_is_given_to_nobody_else(
    engine: DockerEngine, spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine.launch(spec("ignore_term", name="first"))
    free = str(engine._open().network.ensure().subnet[77])
    answers = iter([first["ip"], free])
    monkeypatch.setattr(engine._open().network, "pick", lambda _: [next(answers)])
    assert engine.launch(spec("ignore_term", name="second"))["ip"] == free
    assert len(engine.owned()) == 2


def test_a_network_that_was_removed_comes_back_with_its_addresses(
    engine: DockerEngine, identity: str, spec: Any, client: docker.APIClient
) -> None:
    gateway = engine.prepare()
    client.remove_network(identity)
    assert engine.wait(engine.launch(spec("end", "4"))).code == 4
    assert engine.prepare() == gateway


def test_emulators_that_start_at_once_share_one_network(identity: str, client: docker.APIClient) -> None:
    engines = [DockerEngine(f"{identity}-{number}", network=identity) for number in range(4)]
    gateways: list[str | None] = []
    threads = [threading.Thread(target=lambda engine=engine: gateways.append(engine.prepare())) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(gateways)) == 1
    assert len(gateways) == 4
    assert len(client.networks(names=[identity])) == 1
    for engine in engines:
        engine.close()
    assert client.networks(names=[identity]) == []


def test_the_network_stays_while_a_container_uses_it(
    engine: DockerEngine, identity: str, spec: Any, client: docker.APIClient
) -> None:
    engine.launch(spec("ignore_term"))
    engine.close()
    assert len(client.networks(names=[identity])) == 1


def test_where_containers_cannot_be_reached_their_port_is_published_on_loopback(
    engine: DockerEngine, identity: str, spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = engine_facts.read
    monkeypatch.setattr(engine_facts, "read", lambda *given: replace(read(*given), native=False))
    distant = DockerEngine(identity, network=identity)
    handle = distant.launch(spec("serve", port=8080))
    assert next(iter(distant.logs(handle))).text == "listening"
    host, port = distant.address(handle)
    assert host == "127.0.0.1"
    with socket.create_connection((host, port), timeout=10) as connection:
        assert connection.recv(100)
    distant.close()


def test_files_of_a_container_that_is_root_are_given_to_the_user(
    engine: DockerEngine, spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can see whose the files are without being that user")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    monkeypatch.setattr("os.getgid", lambda: 12346)
    job = spec("write")
    (job.ml / "input" / "given").write_text("data")
    handle = engine.launch(job)
    assert engine.wait(handle).code == 0
    assert {(path.stat().st_uid, path.stat().st_gid) for path in job.ml.rglob("*")} == {(12345, 12346)}
    assert [owned.name for owned in engine.owned()] == ["job"]


def test_an_image_with_a_user_of_its_own_can_write(engine: DockerEngine, spec: Any, client: docker.APIClient) -> None:
    tag = f"{program_image.IMAGE.partition(':')[0]}:user"
    dockerfile = io.BytesIO(f"FROM {program_image.IMAGE}\nUSER 4321".encode())
    assert all("error" not in step for step in client.build(fileobj=dockerfile, tag=tag, rm=True, decode=True))
    job = spec("write", image=tag)
    (job.ml / "input" / "given").write_text("data")
    assert engine.wait(engine.launch(job)).code == 0
    assert (job.ml / "model" / "deep" / "file").read_text() == "data"
    engine.remove(engine.owned()[0].handle)
    client.remove_image(tag)


def test_a_broken_event_stream_loses_no_end(engine: DockerEngine, spec: Any) -> None:
    job = spec("wait_for", "go")
    handle = engine.launch(job)
    next(iter(engine.logs(handle)))
    engine._open().exits._stream.close()
    (job.ml / "input" / "go").touch()
    assert engine.wait(handle).code == 7


def test_a_broken_log_stream_loses_and_repeats_no_line(engine: DockerEngine, spec: Any) -> None:
    job = spec("wait_for", "go")
    following = engine.logs(engine.launch(job))
    assert next(following).text == "before"
    engine._open().streams.close()
    (job.ml / "input" / "go").touch()
    assert [line.text for line in following] == ["after"]


def test_the_last_line_of_two_streams_always_arrives(engine: DockerEngine, spec: Any) -> None:
    for number in range(5):
        handle = engine.launch(spec("print_long", "100", name=f"job-{number}"))
        assert sorted(len(line.text) for line in engine.logs(handle)) == [10, 100]


def test_killing_from_outside_is_an_end_like_any_other(
    engine: DockerEngine, spec: Any, client: docker.APIClient
) -> None:
    handle = engine.launch(spec("ignore_term"))
    client.kill(handle["id"])
    ended = engine.wait(handle)
    assert (ended.code, ended.out_of_memory) == (128 + signal.SIGKILL, False)


def test_an_engine_that_does_not_answer_says_what_to_do(tmp_path: Path) -> None:
    engine = DockerEngine("nobody", f"unix://{tmp_path}/no.sock")
    health = engine.health()
    assert not health.ok
    assert "Start Docker" in health.detail
    with pytest.raises(EngineError, match="--engine process"):
        engine.owned()


def test_a_kill_that_falls_into_an_outage_comes_after_it(
    engine: DockerEngine, spec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = engine.launch(spec("ignore_term"))
    next(iter(engine.logs(handle)))
    send, failed = engine._signal, threading.Event()

    def signal_through_outage(handle: Handle, name: Any) -> None:
        if name == "SIGKILL" and not failed.is_set():
            failed.set()
            raise EngineAway("restarting")
        send(handle, name)

    monkeypatch.setattr(engine, "_signal", signal_through_outage)
    engine.stop(handle, 0.1)
    assert engine.wait(handle).code == 128 + signal.SIGKILL
    assert failed.is_set()
