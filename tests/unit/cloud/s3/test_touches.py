"""Marks of changes find their way to the commit of the request that made them."""

from __future__ import annotations

import threading

from emulator.cloud.s3.touches import Bucket, Key, Touches


def test_marks_go_to_the_recording_of_their_own_thread() -> None:
    touches = Touches()
    seen: list[set[object]] = []

    def other() -> None:
        with touches.recording() as marks:
            touches.mark(Bucket("theirs"))
            seen.append(set(marks))

    with touches.recording() as mine:
        touches.mark(Key("b", "k"))
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert (mine, seen) == ({Key("b", "k")}, [{Bucket("theirs")}])
    assert touches.take_stray() == set()


def test_nested_recording_shares_the_outer_set() -> None:
    touches = Touches()
    with touches.recording() as outer:
        with touches.recording() as inner:
            touches.mark(Bucket("a"))
        touches.mark(Bucket("b"))
    assert outer is inner
    assert outer == {Bucket("a"), Bucket("b")}


def test_marks_outside_of_any_recording_are_handed_over_once() -> None:
    touches = Touches()
    touches.mark(Bucket("a"))
    assert touches.take_stray() == {Bucket("a")}
    assert touches.take_stray() == set()
