"""Pipe mode: real pipes, fed by a real process of its own, read as a container would."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.optml import feeder, feeding, pipes
from emulator.optml.cluster import Cluster
from emulator.optml.layout import Layout
from emulator.optml.staging import StagingError
from tests.buckets import stored

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has containers that see our pipes")

TWO = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 2})
OBJECTS = {"d/1": b"one,", "d/2": b"two,", "d/3": b"three,"}
LATER = 600.0


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    layout = Layout(tmp_path / "algo-1")
    layout.make_for_training()
    yield layout
    feeding.stop(layout)


def channel(name: str = "c", uri: str = "s3://b/d/", kind: str = "S3Prefix", **more: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "S3DataType": kind, **more.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def staged(layout: Layout, objects: dict[str, bytes], *channels: dict[str, Any], host: int = 0) -> None:
    for asked in channels or (channel(),):
        pipes.stage(stored(objects), "1", asked, layout, TWO, TWO.hosts[host])


def fed(layout: Layout, objects: dict[str, bytes], *channels: dict[str, Any], host: int = 0) -> None:
    staged(layout, objects, *channels, host=host)
    feeding.start(layout, time.time() + LATER)


def epoch(layout: Layout, number: int, name: str = "c", size: int = -1) -> bytes:
    """What a reader of an epoch sees, who opens the pipe as soon as it is there and reads to the end or ``size``."""
    path = layout.data / f"{name}_{number}"
    while not path.exists():
        time.sleep(0.001)
    with path.open("rb") as pipe:
        return pipe.read(size)


def until(happened: Callable[[], object]) -> None:
    """Wait for something that must happen."""
    while not happened():
        time.sleep(0.01)


def lives(layout: Layout) -> bool:
    return bool(pids(layout))


def pids(layout: Layout) -> list[int]:
    """The feeders of a layout."""
    mark = str(layout.feeder / "plan.json").encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def records(data: bytes) -> list[bytes]:
    """What RecordIO records hold."""
    found = []
    while data:
        magic, size = struct.unpack_from("<II", data)
        assert magic == 0xCED7230A
        padded = (size + 3) // 4 * 4
        assert data[8 + size : 8 + padded] == bytes(padded - size)
        found.append(data[8 : 8 + size])
        data = data[8 + padded :]
    return found


def test_every_epoch_streams_all_objects_one_after_the_other(layout: Layout) -> None:
    fed(layout, OBJECTS)
    assert [epoch(layout, number) for number in range(5)] == [b"one,two,three,"] * 5


def test_the_next_pipe_is_there_and_the_last_is_gone_when_an_epoch_ends(layout: Layout) -> None:
    fed(layout, OBJECTS)
    for number in range(3):
        with (layout.data / f"c_{number}").open("rb") as pipe:
            pipe.read()
            assert [path.name for path in layout.data.iterdir()] == [f"c_{number + 1}"]
            assert stat.S_IMODE((layout.data / f"c_{number + 1}").stat().st_mode) == 0o666


def test_the_first_pipe_is_there_before_the_container_and_open_to_every_user(layout: Layout) -> None:
    staged(layout, OBJECTS)
    mode = (layout.data / "c_0").stat().st_mode
    assert (stat.S_ISFIFO(mode), stat.S_IMODE(mode)) == (True, 0o666)


def test_a_reader_that_closes_early_ends_its_epoch_and_finds_the_next(layout: Layout) -> None:
    fed(layout, {"d/1": b"x" * (8 << 20)})
    assert epoch(layout, 0, size=10) == b"x" * 10
    assert len(epoch(layout, 1)) == 8 << 20
    assert feeding.failure(layout) is None


def test_a_slow_reader_gets_every_byte(layout: Layout) -> None:
    body = os.urandom(5 << 20)
    fed(layout, {"d/1": body})
    seen = b""
    with (layout.data / "c_0").open("rb", buffering=0) as pipe:
        while piece := pipe.read(100_000):
            seen += piece
            time.sleep(0.002)
    assert seen == body


def test_channels_are_fed_side_by_side(layout: Layout) -> None:
    fed(layout, {"a/1": b"a" * (4 << 20), "b/1": b"b" * (4 << 20)}, *(channel(x, f"s3://b/{x}/") for x in "ab"))
    with (layout.data / "a_0").open("rb") as first, (layout.data / "b_0").open("rb") as second:
        assert (len(second.read()), len(first.read())) == (4 << 20, 4 << 20)


def test_the_bytes_flow_on_when_the_process_that_started_the_feeder_is_killed(layout: Layout) -> None:
    body = os.urandom(20 << 20)
    staged(layout, {"d/1": body})
    program = f"""
        import pathlib, sys, time
        from emulator.optml import feeding
        from emulator.optml.layout import Layout
        feeding.start(Layout(pathlib.Path({str(layout.root)!r})), time.time() + {LATER})
        print("started", flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        with (layout.data / "c_0").open("rb", buffering=0) as pipe:
            seen = pipe.read(100_000)
            parent.kill()
            parent.wait()
            feeding.start(layout, time.time() + LATER)  # as a restarted emulator does
            assert len(pids(layout)) == 1
            while piece := pipe.read(1 << 20):
                seen += piece
    assert seen == body
    assert epoch(layout, 1) == body


def test_starting_twice_starts_one_feeder_and_no_pipes_need_none(layout: Layout) -> None:
    feeding.start(layout, time.time() + LATER)
    assert not lives(layout)
    fed(layout, OBJECTS)
    feeding.start(layout, time.time() + LATER)
    assert len(pids(layout)) == 1


@pytest.mark.parametrize("end", ["stopped", "removed", "made afresh", "deadline"])
@pytest.mark.parametrize("reader", ["none", "stuck"])
def test_a_feeder_ends_whatever_its_reader_does(layout: Layout, end: str, reader: str) -> None:
    staged(layout, {"d/1": b"x" * (8 << 20)})
    feeding.start(layout, time.time() + (0.5 if end == "deadline" else LATER))
    with contextlib.ExitStack() as stack:
        if reader == "stuck":
            stack.enter_context((layout.data / "c_0").open("rb"))
        match end:
            case "stopped":
                feeding.stop(layout)
                assert not lives(layout)
            case "removed":
                layout.remove()
            case "made afresh":
                layout.make_for_training()
        until(lambda: not lives(layout))
    assert feeding.failure(layout) is None


def test_what_is_made_afresh_is_fed_afresh(layout: Layout) -> None:
    fed(layout, OBJECTS)
    epoch(layout, 0)
    layout.make_for_training()
    fed(layout, {"d/1": b"new"})
    assert epoch(layout, 0) == b"new"


def test_staging_twice_feeds_what_was_staged_last(layout: Layout) -> None:
    fed(layout, OBJECTS)
    fed(layout, {"d/1": b"new"})
    assert epoch(layout, 0) == b"new"


def test_a_feeder_that_was_killed_is_no_good_end_and_is_not_started_again(layout: Layout) -> None:
    fed(layout, {"d/1": b"x" * (8 << 20)})
    with (layout.data / "c_0").open("rb", buffering=0) as pipe:
        pipe.read(1)
        assert feeding.failure(layout) is None
        os.kill(pids(layout)[0], signal.SIGKILL)
        until(lambda: feeding.failure(layout))
    assert feeding.failure(layout) == feeding.KILLED
    feeding.start(layout, time.time() + LATER)
    until(lambda: not lives(layout))
    assert feeding.failure(layout) == feeding.KILLED


def test_a_failure_whose_reason_cannot_be_written_is_no_good_end_either(layout: Layout) -> None:
    fed(layout, {"d/1": b"no gzip"}, GZIPPED)
    (layout.feeder / "failed.new").mkdir()
    epoch(layout, 0)
    until(lambda: not lives(layout))
    assert feeding.failure(layout) == feeding.KILLED


def test_shuffled_epochs_differ_and_can_be_foreseen(layout: Layout, tmp_path: Path) -> None:
    objects = {f"d/{number:02}": b"%02d" % number for number in range(20)}
    fed(layout, objects, channel(ShuffleConfig={"Seed": 7}))
    epochs = [epoch(layout, number) for number in range(3)]
    again = Layout(tmp_path / "again")
    again.make_for_training()
    fed(again, objects, channel(ShuffleConfig={"Seed": 7}))
    assert [epoch(again, number) for number in range(3)] == epochs
    feeding.stop(again)
    assert len({*epochs, b"".join(objects.values())}) == 4
    for seen in epochs:
        assert sorted(seen[at : at + 2] for at in range(0, 40, 2)) == list(objects.values())


def test_gzip_is_unpacked_on_the_way_members_and_all(layout: Layout) -> None:
    body = os.urandom(3 << 20)
    fed(layout, {"d/1.gz": gzip.compress(body) + gzip.compress(b"more"), "d/2.gz": gzip.compress(b"end")}, GZIPPED)
    assert epoch(layout, 0) == body + b"more" + b"end"


GZIPPED = channel(CompressionType="Gzip")


@pytest.mark.parametrize("wrapper", ["None", "RecordIO"])
@pytest.mark.parametrize("bad", ["cut off", "no gzip", "damaged"])
def test_a_bad_gzip_does_not_look_like_a_good_end(layout: Layout, bad: str, wrapper: str) -> None:
    good = gzip.compress(os.urandom(1 << 20))
    body = {"cut off": good[:-100], "no gzip": b"plain", "damaged": good[:-8] + b"\0" * 8}[bad]
    fed(layout, {"d/1": gzip.compress(b"fine"), "d/2": body}, {**GZIPPED, "RecordWrapperType": wrapper})
    epoch(layout, 0)
    reason = feeding.failure(layout)  # it is there before the reader sees an end
    assert reason is not None
    assert reason.startswith("ClientError: Data download failed:the object s3://b/d/2 cannot be fed: ")
    until(lambda: not lives(layout))
    assert feeding.failure(layout) == reason


@pytest.mark.parametrize("compression", ["None", "Gzip"])
def test_each_object_is_one_record(layout: Layout, compression: str) -> None:
    bodies = [b"x" * size for size in range(6)] + [os.urandom((2 << 20) + 1)]
    pack = gzip.compress if compression == "Gzip" else bytes
    objects = {f"d/{number}": pack(body) for number, body in enumerate(bodies)}
    fed(layout, objects, channel(RecordWrapperType="RecordIO", CompressionType=compression))
    assert records(epoch(layout, 0)) == bodies


@given(bodies=st.lists(st.binary(max_size=40)))
def test_whatever_is_wrapped_is_found_again(bodies: list[bytes]) -> None:
    wrapped = b"".join(piece for body in bodies for piece in feeder.record(len(body), iter([body])))
    assert records(wrapped) == bodies
    assert len(wrapped) % 4 == 0


def test_an_object_too_large_for_a_record_is_refused(layout: Layout) -> None:
    class Large(type(stored({}))):  # type: ignore[misc]
        def place(self, bucket: str, key: str, target: Path, **_: Any) -> None:
            with target.open("xb") as file:
                file.truncate(1 << 29)

    with pytest.raises(StagingError, match="a RecordIO record takes 536870911 at most"):
        pipes.stage(Large(**OBJECTS), "1", channel(RecordWrapperType="RecordIO"), layout, TWO, TWO.hosts[0])
    with pytest.raises(feeder.Unfit, match="536870912 bytes are too many"):
        next(feeder.record(1 << 29, iter([])))


def augmented(*lines: Any, **more: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Objects with an augmented manifest, and a channel that uses it."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    source = {"AttributeNames": ["image-ref", "label"], **more.pop("source", {})}
    return {**OBJECTS, "m": text.encode()}, channel("c", "s3://b/m", "AugmentedManifestFile", source=source, **more)


LINES = [
    {"image-ref": "s3://b/d/2", "label": 1, "unlisted": "no"},
    {"label": "cat", "image-ref": "s3://b/d/1"},
    {"label": {"a": [1.5, None]}, "image-ref": "s3://b/d/2"},
]


def test_an_augmented_manifest_streams_its_attributes_in_the_order_of_their_names(layout: Layout) -> None:
    objects, asked = augmented(*LINES, "", RecordWrapperType="RecordIO")
    fed(layout, objects, asked)
    expected = [b"two,", b"1", b"one,", b"cat", b"two,", b'{"a": [1.5, null]}']
    assert records(epoch(layout, 0)) == expected


def test_an_augmented_manifest_without_records_is_unframed(layout: Layout) -> None:
    fed(layout, *augmented(*LINES))
    assert epoch(layout, 0) == b'two,1one,cattwo,{"a": [1.5, null]}'


def test_an_augmented_manifest_is_sharded_and_shuffled_by_lines(layout: Layout, tmp_path: Path) -> None:
    lines = [{"image-ref": "s3://b/d/1", "label": f"{number}."} for number in range(9)]
    objects, asked = augmented(*lines, source={"S3DataDistributionType": "ShardedByS3Key"}, ShuffleConfig={"Seed": 3})
    other = Layout(tmp_path / "algo-2")
    other.make_for_training()
    fed(layout, objects, asked)
    fed(other, objects, asked, host=1)
    seen = (epoch(layout, 0) + epoch(other, 0)).split(b".")
    feeding.stop(other)
    assert sorted(seen) == sorted([b"one,%d" % number for number in range(9)] + [b""])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2 of the augmented manifest s3://b/m is no JSON object"),
        ("[1]", "line 2 of the augmented manifest s3://b/m is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ({"image-ref": "s3://b/d/1"}, "line 2 of the augmented manifest s3://b/m has no attribute 'label'"),
        ({"image-ref": "d/1", "label": 1}, "line 2 of the augmented manifest s3://b/m: the attribute 'image-ref' must"),
        ({"image-ref": 7, "label": 1}, "the attribute 'image-ref' must be the S3 URI of an object"),
        ({"image-ref": "s3://b", "label": 1}, "the attribute 'image-ref' must be the S3 URI of an object"),
        ({"image-ref": "s3://b/d/9", "label": 1}, "s3://b/d/9 (line 2 of the augmented manifest s3://b/m)"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(layout: Layout, line: Any, words: str) -> None:
    objects, asked = augmented(LINES[0], line)
    with pytest.raises(StagingError) as caught:
        staged(layout, objects, asked)
    assert str(caught.value).startswith("ClientError: Data download failed:")
    assert words in str(caught.value)


def test_a_manifest_is_streamed_in_its_order_and_as_often_as_it_says(layout: Layout) -> None:
    manifest = json.dumps([{"prefix": "s3://b/d/"}, "3", "1", "3"]).encode()
    fed(layout, {**OBJECTS, "m": manifest}, channel("c", "s3://b/m", "ManifestFile"))
    assert epoch(layout, 0) == b"three,one,three,"


def test_sharded_objects_go_to_one_host_each_and_an_empty_share_is_an_empty_epoch(layout: Layout) -> None:
    fed(layout, {"d/1": b"x"}, channel(source={"S3DataDistributionType": "ShardedByS3Key"}), host=1)
    assert [epoch(layout, 0), epoch(layout, 1)] == [b"", b""]


def test_a_host_outside_the_channels_groups_gets_no_pipe(layout: Layout) -> None:
    fed(layout, OBJECTS, channel(source={"InstanceGroupNames": ["other"]}))
    assert (list(layout.data.iterdir()), lives(layout)) == ([], False)


def test_a_container_that_replaces_its_pipes_leads_the_feeder_nowhere(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "c_1").write_text("precious")
    fed(layout, OBJECTS)
    with (layout.data / "c_0").open("rb") as pipe:
        assert pipe.read(1) == b"o"  # by now the next pipe is there
        (layout.data / "c_1").unlink()
        (layout.data / "c_1").symlink_to(tmp_path / "private" / "c_1")
        layout.data.rename(layout.data.with_name("moved"))
        layout.data.symlink_to(tmp_path / "private")
        assert pipe.read() == b"ne,two,three,"
    os.mkfifo(tmp_path / "private" / "c_2")
    (layout.ml / "input" / "moved" / "c_1").unlink()
    os.mkfifo(layout.ml / "input" / "moved" / "c_1")
    with (layout.ml / "input" / "moved" / "c_1").open("rb") as pipe:
        assert pipe.read() == b"one,two,three,"
    assert {path.name for path in (tmp_path / "private").iterdir()} == {"c_1", "c_2"}
    assert (tmp_path / "private" / "c_1").read_text() == "precious"


def test_feeding_takes_no_memory(tmp_path: Path) -> None:
    """The pieces of a large object and of a large gzip, as the feeder makes them."""
    with (tmp_path / "0").open("wb") as file:
        file.truncate(64 << 20)
    (tmp_path / "1").write_bytes(gzip.compress(bytes(64 << 20), 1))
    tracemalloc.start()
    sizes = [
        sum(map(len, feeder.contents(str(tmp_path / name), gzipped))) for name, gzipped in (("0", False), ("1", True))
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [64 << 20] * 2
    assert peak < 8 << 20


def test_a_plan_that_cannot_be_carried_out_is_told(layout: Layout) -> None:
    staged(layout, OBJECTS)
    (layout.data / "c_0").unlink()
    layout.data.rmdir()
    with pytest.raises(OSError, match="the pipes cannot be fed: FileNotFoundError"):
        feeding.start(layout, time.time() + LATER)
