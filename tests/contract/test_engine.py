"""What every engine promises (`emulator.engines.port.Engine`), asserted on each of them."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from emulator.engines.port import (
    ContainerGone,
    Engine,
    EngineClosed,
    EngineError,
    Handle,
    ImageMissing,
    LaunchSpec,
    LogLine,
    Mount,
    NoClusters,
    Unshielded,
)
from emulator.engines.process import ProcessEngine, isolation
from emulator.engines.reaper import reap
from tests.docker import program_image
from tests.input_files import NAMES, link_input, seen

IMAGE = program_image.IMAGE
GRACE = 60.0
"""Longer than a test may take: a container that ends before it was not killed."""


@dataclass
class House:
    """Makes engines with one identity, as restarts of one emulator do, and takes everything down at the end."""

    make: Callable[[str], Engine]
    jobs: Path
    identity: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")
    engines: list[Engine] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def engine(self) -> Engine:
        engine = self.make(self.identity)
        engine.prepare()
        self.engines.append(engine)
        return engine

    def spec(self, *arguments: str, name: str | None = None, **options: Any) -> LaunchSpec:
        name = name or f"job-{next(self._numbers)}"
        ml = self.jobs / name
        for child in ("input", "model", "output"):
            (ml / child).mkdir(parents=True, exist_ok=True)
        return LaunchSpec(name, options.pop("image", IMAGE), ml, arguments, **options)

    def close(self) -> None:
        engine = self.engine()
        for owned in engine.owned():
            engine.remove(owned.handle)
        for engine in self.engines:
            engine.close()


def _docker(identity: str) -> Engine:
    from emulator.engines.docker import DockerEngine

    program_image.build()
    return DockerEngine(identity)


def _process(way: isolation.Isolation, state: Path) -> Callable[[str], Engine]:
    table = {IMAGE: (sys.executable, "-u", str(program_image.PROGRAM))}
    return lambda identity: ProcessEngine(identity, state, table, way)


WAYS = {way.name: way for way in (isolation.Bubblewrap(), isolation.Unshare(), isolation.BaseDirectory())}


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), *WAYS])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    way = WAYS.get(request.param)
    if way is not None and not isinstance(way, isolation.BaseDirectory) and not isolation.works(way):
        pytest.skip(f"{way.name} does not work on this machine")
    house = House(_docker if way is None else _process(way, tmp_path / "state"), tmp_path / "jobs")
    yield house
    house.close()


def first_line(engine: Engine, handle: Handle) -> str:
    """Follow the output until something is said: then the program is really running."""
    return next(iter(engine.logs(handle))).text


def texts(engine: Engine, handle: Handle, since: float | None = None) -> list[str]:
    return [line.text for line in engine.logs(handle, since)]


def test_health_tells_that_the_engine_works_and_its_version(house: House) -> None:
    health = house.engine().health()
    assert health.ok
    assert health.version


@pytest.mark.parametrize("code", [0, 7])
def test_wait_answers_the_exit_code(house: House, code: int) -> None:
    engine = house.engine()
    assert engine.wait(engine.launch(house.spec("end", str(code)))).code == code


def test_wait_can_be_repeated_and_answers_the_same(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("end", "7"))
    first = engine.wait(handle)
    assert engine.wait(handle) == first
    assert not first.out_of_memory
    assert first.started_at is not None
    assert first.started_at <= first.finished_at


def test_a_signal_counts_as_128_and_its_number(house: House) -> None:
    engine = house.engine()
    if engine.name == "docker":
        pytest.skip("as first process of a container a program cannot kill itself")
    assert engine.wait(engine.launch(house.spec("die", str(int(signal.SIGSEGV))))).code == 128 + signal.SIGSEGV


def test_many_waiters_all_learn_of_the_end(house: House) -> None:
    engine = house.engine()
    spec = house.spec("wait_for", "go")
    handle = engine.launch(spec)
    codes: list[int] = []
    waiters = [threading.Thread(target=lambda: codes.append(engine.wait(handle).code)) for _ in range(5)]
    for waiter in waiters:
        waiter.start()
    (spec.ml / "input" / "go").touch()
    for waiter in waiters:
        waiter.join()
    assert codes == [7] * 5


def test_output_is_complete_and_in_order(house: House) -> None:
    engine = house.engine()
    lines = list(engine.logs(engine.launch(house.spec("print_lines", "20000"))))
    assert [line.text for line in lines] == [f"line {number}" for number in range(20000)]
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_output_of_an_ended_container_can_be_read_again(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("print_lines", "3"))
    engine.wait(handle)
    assert texts(engine, handle) == texts(engine, handle) == ["line 0", "line 1", "line 2"]


def test_stdout_and_stderr_both_arrive(house: House) -> None:
    engine = house.engine()
    found = texts(engine, engine.launch(house.spec("print_streams", "200")))
    assert [text for text in found if text.startswith("out")] == [f"out {number}" for number in range(200)]
    assert [text for text in found if text.startswith("err")] == [f"err {number}" for number in range(200)]


def test_a_long_line_stays_one_line_and_a_last_line_needs_no_end(house: House) -> None:
    engine = house.engine()
    found = texts(engine, engine.launch(house.spec("print_long", "100000")))
    assert sorted(map(len, found)) == [len("unfinished"), 100000]


def test_carriage_returns_tabs_and_empty_lines_are_passed_on(house: House) -> None:
    engine = house.engine()
    found = texts(engine, engine.launch(house.spec("print_special")))
    assert found == ["tab\there", " 10%\r 20%", "�", "", "last"]


def test_output_can_be_followed_on_after_a_moment_already_seen(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("print_lines", "1000"))
    lines = list(engine.logs(handle))
    assert texts(engine, handle, lines[499].at) == [f"line {number}" for number in range(500, 1000)]
    assert texts(engine, handle, lines[-1].at) == []


def test_output_is_followed_while_the_container_runs(house: House) -> None:
    engine = house.engine()
    spec = house.spec("wait_for", "go")
    following = engine.logs(engine.launch(spec))
    assert next(following).text == "before"
    (spec.ml / "input" / "go").touch()
    assert [line.text for line in following] == ["after"]


def test_stop_lets_the_program_save_its_work(house: House) -> None:
    engine = house.engine()
    spec = house.spec("save_on_term")
    handle = engine.launch(spec)
    assert first_line(engine, handle) == "ready"
    engine.stop(handle, GRACE)
    assert engine.wait(handle).code == 0
    assert (spec.ml / "model" / "saved").read_text() == "saved"
    assert texts(engine, handle) == ["ready", "saved"]


def test_stop_kills_what_ignores_it(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("ignore_term"))
    assert first_line(engine, handle) == "ready"
    engine.stop(handle, 0.3)
    ended = engine.wait(handle)
    assert ended.code == 128 + signal.SIGKILL
    assert not ended.out_of_memory


def test_stopping_what_has_ended_or_gone_does_nothing(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("end", "5"))
    engine.wait(handle)
    engine.stop(handle, GRACE)
    assert engine.wait(handle).code == 5
    engine.remove(handle)
    engine.stop(handle, GRACE)


def test_the_same_name_is_launched_once(house: House) -> None:
    engine = house.engine()
    spec = house.spec("ignore_term")
    first = engine.launch(spec)
    assert engine.launch(spec) == first
    assert len(engine.owned()) == 1


def test_a_name_whose_container_has_ended_is_not_run_again(house: House) -> None:
    engine = house.engine()
    spec = house.spec("print_lines", "1")
    handle = engine.launch(spec)
    engine.wait(handle)
    assert engine.launch(spec) == handle
    assert texts(engine, handle) == ["line 0"]


def test_a_removed_name_can_be_launched_anew(house: House) -> None:
    engine = house.engine()
    engine.remove(engine.launch(house.spec("end", "1", name="again")))
    assert engine.wait(engine.launch(house.spec("end", "2", name="again"))).code == 2


def test_state_follows_the_container(house: House) -> None:
    engine = house.engine()
    spec = house.spec("wait_for", "go")
    handle = engine.launch(spec)
    assert engine.state(handle) == "running"
    (spec.ml / "input" / "go").touch()
    engine.wait(handle)
    assert engine.state(handle) == "exited"
    engine.remove(handle)
    assert engine.state(handle) == "gone"


def test_what_was_removed_is_gone_for_waiting_and_reading(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("end", "0"))
    engine.remove(handle)
    with pytest.raises(ContainerGone):
        engine.wait(handle)
    with pytest.raises(ContainerGone):
        texts(engine, handle)
    engine.remove(handle)


def test_remove_ends_what_runs_and_keeps_its_files(house: House) -> None:
    engine = house.engine()
    spec = house.spec("ignore_term")
    handle = engine.launch(spec)
    assert first_line(engine, handle) == "ready"
    (spec.ml / "model" / "kept").touch()
    engine.remove(handle)
    assert (spec.ml / "model" / "kept").exists()
    assert engine.owned() == []


def test_files_cross_both_ways_and_belong_to_the_invoking_user(house: House) -> None:
    engine = house.engine()
    spec = house.spec("write")
    (spec.ml / "input" / "given").write_text("data")
    assert engine.wait(engine.launch(spec)).code == 0
    assert (spec.ml / "model" / "deep" / "file").read_text() == "data"
    assert (spec.ml / "output" / "private").read_text() == "secret"
    assert {path.stat().st_uid for path in spec.ml.rglob("*")} == {os.getuid()}


def test_files_of_a_shielded_child_stay_what_they_are_whatever_a_program_does(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    spec = house.spec("spoil", shielded=frozenset({"input"}))
    link_input(spec.ml, tmp_path / "stored")
    before = seen(spec.ml / "input"), seen(tmp_path / "stored")
    if engine.shields(spec.ml):
        assert engine.wait(engine.launch(spec)).code == 0
    else:
        with pytest.raises(Unshielded, match="keep a container from changing"):
            engine.launch(spec)
        assert engine.owned() == []
    assert (seen(spec.ml / "input"), seen(tmp_path / "stored")) == before


def test_what_is_not_shielded_is_shared_with_the_program(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    spec = house.spec("spoil")
    link_input(spec.ml, tmp_path / "stored")
    assert engine.wait(engine.launch(spec)).code == 0
    assert (tmp_path / "stored" / "append").read_bytes() == b"stored appendx"


def can_show_outside_of_ml(engine: Engine) -> bool:
    """Whether a directory can appear where this machine has none."""
    return engine.clusters or "its own /opt/ml, /tmp" in engine.health().detail


def is_isolated(engine: Engine) -> bool:
    return "SAGEMAKER_BASE_DIR" not in engine.health().detail


def given(folder: Path) -> Path:
    """A directory with a file to read."""
    folder.mkdir()
    (folder / "given").write_text("data")
    return folder


def test_a_directory_appears_below_opt_ml_and_its_files_cross_both_ways(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    source = given(tmp_path / "checkpoints")
    mount = Mount("/opt/ml/checkpoints", source)
    arguments = ("copy", "/opt/ml/checkpoints/given", "/opt/ml/checkpoints/made")
    assert engine.wait(engine.launch(house.spec(*arguments, mounts=(mount,)))).code == 0
    assert (source / "made").read_text() == "data"
    assert (source / "made").stat().st_uid == os.getuid()


def test_a_directory_appears_in_the_place_of_an_empty_child(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    spec = house.spec("copy", "/opt/ml/model/given", "/opt/ml/model/made")
    source = given(tmp_path / "other")
    assert engine.wait(engine.launch(replace(spec, mounts=(Mount("/opt/ml/model", source),)))).code == 0
    assert (source / "made").read_text() == "data"


def test_a_directory_appears_elsewhere_or_the_engine_says_what_to_do(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    inside = f"/tmp/{tmp_path.name}-{uuid.uuid4().hex[:8]}"
    source = given(tmp_path / "checkpoints")
    spec = house.spec("copy", f"{inside}/given", f"{inside}/made", mounts=(Mount(inside, source),))
    if can_show_outside_of_ml(engine):
        assert engine.wait(engine.launch(spec)).code == 0
        assert (source / "made").read_text() == "data"
    else:
        with pytest.raises(EngineError, match="path below /opt/ml"):
            engine.launch(spec)
        assert engine.owned() == []
    assert not Path(inside).exists()


def test_nothing_of_a_read_only_directory_can_be_changed(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    link_input(tmp_path / "fast", tmp_path / "stored")
    source = tmp_path / "fast" / "input" / "data"
    before = seen(source), seen(tmp_path / "stored")
    handle = engine.launch(house.spec("spoil", mounts=(Mount("/opt/ml/input/data", source, read_only=True),)))
    assert engine.wait(handle).code == 0
    if is_isolated(engine):
        assert (seen(source), seen(tmp_path / "stored")) == before
        refused = [text for text in texts(engine, handle) if text.endswith("Read-only file system")]
        assert len(refused) == len(NAMES) - 1  # `twin` is a second name, not a deed
    else:
        assert "read only" in engine.health().detail
        assert seen(tmp_path / "stored") != before[1]


def test_a_read_only_directory_appears_within_a_shielded_child(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    arguments = ("copy", "/opt/ml/input/data/train/given", "/opt/ml/model/made")
    mount = Mount("/opt/ml/input/data/train", given(tmp_path / "train"), read_only=True)
    spec = house.spec(*arguments, shielded=frozenset({"input"}), mounts=(mount,))
    if not engine.shields(spec.ml):
        pytest.skip("this engine shields nothing")
    assert engine.wait(engine.launch(spec)).code == 0
    assert (spec.ml / "model" / "made").read_text() == "data"


def test_a_directory_of_ml_itself_can_be_shown_in_its_own_place(house: House) -> None:
    """As a channel of fast files, which is read only where the rest of the input is not."""
    engine = house.engine()
    spec = house.spec("copy", "/opt/ml/input/data/train/given", "/opt/ml/model/made")
    (spec.ml / "input" / "data").mkdir(parents=True, exist_ok=True)
    mount = Mount("/opt/ml/input/data/train", given(spec.ml / "input" / "data" / "train"), read_only=True)
    assert engine.wait(engine.launch(replace(spec, mounts=(mount,)))).code == 0
    assert (spec.ml / "model" / "made").read_text() == "data"


@pytest.mark.parametrize("inside", ["checkpoints", "/", "/opt/ml/../secret"])
def test_a_path_at_which_nothing_can_be_shown_is_refused(house: House, tmp_path: Path, inside: str) -> None:
    engine = house.engine()
    with pytest.raises(EngineError, match="no path in a container"):
        engine.launch(house.spec("end", "0", mounts=(Mount(inside, given(tmp_path / "data")),)))
    assert engine.owned() == []


def test_a_directory_that_is_not_there_is_refused(house: House, tmp_path: Path) -> None:
    engine = house.engine()
    with pytest.raises(EngineError, match="does not exist"):
        engine.launch(house.spec("end", "0", mounts=(Mount("/opt/ml/checkpoints", tmp_path / "nowhere"),)))
    assert engine.owned() == []


def test_a_cluster_of_one_runs_on_every_engine(house: House) -> None:
    engine = house.engine()
    spec = house.spec("end", "7")
    (handle,) = engine.launch_all([spec])
    assert engine.wait(handle).code == 7
    assert engine.launch(spec) == handle


def test_the_hosts_of_a_cluster_reach_each_other_by_name_or_the_engine_says_that_it_has_none(house: House) -> None:
    engine = house.engine()
    serving = [house.spec("serve", name=f"job-{host}", hostname=host) for host in ("algo-1", "algo-2")]
    asking = house.spec("meet", "8080", "algo-1", "algo-2", name="job-algo-3", hostname="algo-3")
    if not engine.clusters:
        with pytest.raises(NoClusters, match="a cluster of 3 needs Docker"):
            engine.launch_all([*serving, asking])
        assert engine.owned() == []
        return
    *_, handle = engine.launch_all([*serving, asking])
    assert texts(engine, handle) == ["algo-1 algo-1", "algo-2 algo-2"]
    assert engine.wait(handle).code == 0


def test_usage_counts_every_process_of_a_running_container(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("hold", "64", "0.5"))
    assert first_line(engine, handle).startswith("holding")
    used = engine.usage(handle)
    assert used.cpu_seconds >= 0.45  # what the system counts in ticks lags a little behind
    assert 64 * 1024**2 <= used.memory < 256 * 1024**2
    again = engine.usage(handle)
    assert again.at > used.at
    assert again.cpu_seconds >= used.cpu_seconds


def test_what_does_not_run_uses_nothing(house: House) -> None:
    engine, stranger = house.engine(), house.make("somebody-else")
    handle = engine.launch(house.spec("end", "0"))
    engine.wait(handle)
    for asked in (engine, stranger):
        with pytest.raises(ContainerGone):
            asked.usage(handle)
    engine.remove(handle)
    with pytest.raises(ContainerGone):
        engine.usage(handle)
    stranger.close()


def test_environment_reaches_the_program_and_the_emulators_own_does_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATOR_SECRET", "secret")
    engine = house.engine()
    handle = engine.launch(house.spec("environment", environment={"GIVEN": "a=b c"}))
    (text,) = texts(engine, handle)
    assert '"GIVEN": "a=b c"' in text
    assert "EMULATOR_SECRET" not in text


def test_a_server_is_reached_at_its_address(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("serve", port=8080))
    assert first_line(engine, handle) == "listening"
    with socket.create_connection(engine.address(handle), timeout=10) as client:
        assert client.recv(100)


def test_two_servers_have_two_addresses(house: House) -> None:
    engine = house.engine()
    handles = [engine.launch(house.spec("serve", port=8080)) for _ in range(2)]
    assert engine.address(handles[0]) != engine.address(handles[1])


def test_a_program_reaches_the_emulator_at_the_endpoint_host(house: House) -> None:
    engine = house.engine()
    with socket.create_server((engine.prepare() or "127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert engine.wait(engine.launch(house.spec("connect", engine.endpoint_host(), port))).code == 0


def test_without_a_network_nothing_is_reached(house: House) -> None:
    engine = house.engine()
    with socket.create_server((engine.prepare() or "127.0.0.1", 0)) as server:
        spec = house.spec("connect", engine.endpoint_host(), str(server.getsockname()[1]), network=False)
        if not is_isolated(engine):
            with pytest.raises(EngineError, match="EnableNetworkIsolation"):
                engine.launch(spec)
        else:
            assert engine.wait(engine.launch(spec)).code == 3


def test_a_new_engine_finds_running_containers_again(house: House) -> None:
    spec = house.spec("wait_for", "go", labels={"noun": "job"}, port=8080)
    before = house.engine()
    handle = before.launch(spec)
    seen = next(iter(before.logs(handle)))
    before.close()

    after = house.engine()
    (owned,) = after.owned()
    assert (owned.name, owned.labels, owned.running) == (spec.name, {"noun": "job"}, True)
    assert after.launch(spec) == owned.handle
    assert after.address(owned.handle) == after.address(handle)
    (spec.ml / "input" / "go").touch()
    assert texts(after, handle, seen.at) == ["after"]
    assert after.wait(handle).code == 7
    assert after.wait(owned.handle).code == 7


def test_a_new_engine_knows_how_ended_containers_ended(house: House) -> None:
    before = house.engine()
    handle = before.launch(house.spec("end", "9"))
    before.wait(handle)
    before.close()
    after = house.engine()
    assert after.state(handle) == "exited"
    assert after.wait(handle).code == 9
    assert [owned.running for owned in after.owned()] == [False]


def test_close_releases_whoever_waits_and_the_container_goes_on(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("ignore_term"))
    errors: list[Exception] = []

    def wait() -> None:
        try:
            engine.wait(handle)
        except EngineClosed as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    first_line(engine, handle)
    engine.close()
    waiter.join()
    assert len(errors) == 1
    assert house.engine().state(handle) == "running"


def test_close_releases_whoever_follows(house: House) -> None:
    engine = house.engine()
    following = engine.logs(engine.launch(house.spec("ignore_term")))
    assert next(following).text == "ready"
    threading.Timer(0.1, engine.close).start()
    with pytest.raises(EngineClosed):
        next(following)


def test_another_emulators_containers_are_not_owned(house: House) -> None:
    house.engine().launch(house.spec("ignore_term"))
    stranger = house.make("somebody-else")
    assert stranger.owned() == []
    stranger.close()


def test_another_emulators_containers_are_gone_for_whoever_has_their_handles(house: House) -> None:
    engine, stranger = house.engine(), house.make("somebody-else")
    spec = house.spec("wait_for", "go", port=8080)
    handle = engine.launch(spec)
    assert first_line(engine, handle) == "before"
    assert stranger.state(handle) == "gone"
    stranger.stop(handle, 0)
    stranger.remove(handle)
    for ask in (stranger.wait, stranger.address, lambda handle: next(iter(stranger.logs(handle)))):
        with pytest.raises(ContainerGone):
            ask(handle)
    stranger.close()
    (spec.ml / "input" / "go").touch()
    assert engine.wait(handle).code == 7


def test_a_container_of_another_kind_of_engine_is_gone(house: House) -> None:
    engine = house.engine()
    handle = {**engine.launch(house.spec("ignore_term")), "engine": "another"}
    assert engine.state(handle) == "gone"
    engine.remove(handle)
    assert len(engine.owned()) == 1


def test_the_reaper_removes_what_belongs_to_nobody(house: House) -> None:
    engine = house.engine()
    kept, orphan = (engine.launch(house.spec("ignore_term", name=name)) for name in ("kept", "orphan"))
    assert reap(engine, lambda owned: owned.name == "kept") == ["orphan"]
    assert (engine.state(kept), engine.state(orphan)) == ("running", "gone")


def test_an_unknown_image_is_missing_before_anything_is_made(house: House) -> None:
    engine = house.engine()
    with pytest.raises(ImageMissing, match="nobody/has-this"):
        engine.require_image("nobody/has-this:1")
    with pytest.raises(ImageMissing, match="nobody/has-this"):
        engine.launch(house.spec(image="nobody/has-this:1"))
    assert engine.owned() == []


def test_a_known_image_can_be_required(house: House) -> None:
    assert house.engine().require_image(IMAGE)


def test_lines_carry_the_time_they_were_written(house: House) -> None:
    engine = house.engine()
    handle = engine.launch(house.spec("print_lines", "1"))
    (line,) = list(engine.logs(handle))
    ended = engine.wait(handle)
    assert isinstance(line, LogLine)
    assert ended.started_at is not None
    assert ended.started_at <= line.at <= ended.finished_at
