"""Routes: shares of the traffic and the least busy container."""

from __future__ import annotations

from collections import Counter

from emulator.arns import Scope
from emulator.serving.router import Route, Router, Target, Variant

HERE, ELSEWHERE = Scope("123456789012", "us-east-1"), Scope("123456789012", "eu-west-1")
A, B = Target("i-a", ("127.0.0.1", 1)), Target("i-b", ("127.0.0.1", 2))


def route(*variants: Variant) -> Route:
    return Route(HERE, "e", "fleet", variants)


def test_a_route_is_found_in_its_own_scope_until_it_is_dropped() -> None:
    router = Router()
    router.set(route(Variant("v", 1.0, [A])))
    assert router.find(HERE, "e") is not None
    assert router.find(ELSEWHERE, "e") is None
    router.drop(HERE, "e")
    router.drop(HERE, "e")
    assert router.find(HERE, "e") is None


def test_an_expected_route_is_expected_until_it_is_set_or_dropped() -> None:
    router = Router()
    router.expect(HERE, "e")
    assert router.is_expected(HERE, "e")
    router.set(route(Variant("v", 1.0, [A])))
    assert not router.is_expected(HERE, "e")
    router.expect(HERE, "e")
    router.drop(HERE, "e")
    assert not router.is_expected(HERE, "e")


def test_variants_get_their_share_by_weight() -> None:
    both = route(Variant("much", 3.0, [A]), Variant("little", 1.0, [B]), Variant("none", 0.0, [B]))
    drawn = Counter(found.name for found in (both.variant() for _ in range(4000)) if found is not None)
    assert drawn["none"] == 0
    assert 2.0 < drawn["much"] / drawn["little"] < 4.5


def test_a_variant_can_be_named_and_an_unknown_name_is_none() -> None:
    both = route(Variant("a", 1.0, [A]), Variant("b", 0.0, [B]))
    named = both.variant("b")
    assert named is not None
    assert named.targets == [B]
    assert both.variant("c") is None


def test_the_container_with_the_fewest_outstanding_requests_is_taken() -> None:
    router, variant = Router(), Variant("v", 1.0, [A, B])
    router.begin(A)
    assert {router.choose(variant) for _ in range(20)} == {B}
    router.begin(B)
    router.begin(B)
    assert {router.choose(variant) for _ in range(20)} == {A}
    assert (router.outstanding("i-a"), router.outstanding("i-b")) == (1, 2)
    for target in (A, B, B):
        router.end(target)
    assert {router.choose(variant) for _ in range(200)} == {A, B}
    assert router.outstanding("i-b") == 0


def test_random_routing_does_not_look_at_what_is_outstanding() -> None:
    router = Router()
    router.begin(A)
    assert {router.choose(Variant("v", 1.0, [A, B], random=True)) for _ in range(200)} == {A, B}


def test_a_variant_without_containers_has_none_to_choose() -> None:
    assert Router().choose(Variant("v", 1.0, [])) is None
