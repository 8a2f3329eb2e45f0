"""Bodies: cut and joined without touching a byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emulator.objects.body import Body, Segment, blobs_of, cut, joined, size_of

BLOBS = {name: bytes(range(start, start + 40)) for name, start in (("a", 0), ("b", 50), ("c", 100))}
segments = st.builds(Segment, st.sampled_from(sorted(BLOBS)), st.integers(0, 20), st.integers(1, 20))
bodies = st.lists(segments, max_size=6).map(tuple)


def content(body: Body) -> bytes:
    return b"".join(BLOBS[part.blob][part.offset : part.offset + part.size] for part in body)


@given(bodies, st.integers(0, 150), st.integers(0, 150))
def test_cut_is_a_slice_of_the_bytes(body: Body, start: int, end: int) -> None:
    assert content(cut(body, start, end)) == content(body)[start:end]


@given(st.lists(bodies, max_size=4))
def test_joined_is_the_bytes_in_turn(several: list[Body]) -> None:
    whole = joined(several)
    assert content(whole) == b"".join(map(content, several))
    assert size_of(whole) == sum(map(size_of, several))
    assert blobs_of([whole]) == blobs_of(several)


@given(bodies, st.integers(0, 100))
def test_what_was_cut_and_joined_again_has_no_needless_segment(body: Body, place: int) -> None:
    whole = joined([body])
    assert joined([cut(whole, 0, place), cut(whole, place, size_of(whole))]) == whole
