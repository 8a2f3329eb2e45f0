"""Makes and fills what `pickles` takes apart. Rows name these functions: their names and arguments stay."""

from __future__ import annotations

import collections
import functools
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

_EMPTY: tuple[Any, ...] = (dict, list, set, str, int, float)


def blank(kind: Any) -> Any:
    """An instance without any attribute."""
    return kind.__new__(kind)


def default(factory: Callable[[], Any] | None) -> collections.defaultdict[Any, Any]:
    return collections.defaultdict(factory)


def weak_values() -> weakref.WeakValueDictionary[Any, Any]:
    return weakref.WeakValueDictionary()


def der_of(key: Any) -> bytes:
    """A private key of ``cryptography``."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    found: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return found


def private_key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, password=None)


def der_of_certificate(certificate: Any) -> bytes:
    """A certificate of ``cryptography``."""
    from cryptography.hazmat.primitives.serialization import Encoding

    found: bytes = certificate.public_bytes(Encoding.DER)
    return found


def certificate(der: bytes) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(der)


def fill(mapping: Any, items: dict[Any, Any]) -> None:
    mapping.update(items)


def fill_mapping(mapping: Any, state: tuple[Any, dict[str, Any], dict[Any, Any]]) -> None:
    """Give a dictionary of moto its default factory, attributes and items."""
    factory, attributes, items = state
    if factory is not None:
        mapping.default_factory = factory
    vars(mapping).update(attributes)
    dict.update(mapping, items)


def results(thread: threading.Thread) -> dict[str, Any]:
    """The attributes of a thread that are not Python's own."""
    own = vars(threading.Thread())
    return {name: value for name, value in vars(thread).items() if name not in own}


def fill_thread(thread: threading.Thread, attributes: dict[str, Any]) -> None:
    """A thread that was never started, with the attributes of the one that was."""
    threading.Thread.__init__(thread)
    vars(thread).update(attributes)


def factory_of(mapping: collections.defaultdict[Any, Any]) -> Callable[[], Any] | None:
    """The default factory; for a lambda something with a name that makes the same. Raises PicklingError."""
    factory = mapping.default_factory
    if factory is None or getattr(factory, "__name__", "<lambda>") != "<lambda>":
        return factory
    return _named(factory())


def _named(sample: Any) -> Callable[[], Any]:
    """What makes an equal to ``sample``, the first product of a factory."""
    if isinstance(sample, collections.defaultdict) and not sample:
        return functools.partial(collections.defaultdict, factory_of(sample))
    if type(sample) in _EMPTY and not sample:
        return type(sample)
    raise pickle.PicklingError(f"a default of {sample!r} cannot be made again")
