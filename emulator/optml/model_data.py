"""Model data: what an inference container finds below ``/opt/ml/model``."""

from __future__ import annotations

from pathlib import Path

from emulator.objects.port import ObjectError, ObjectStore
from emulator.optml import archive, channels
from emulator.optml.s3uri import parse


class ModelDataError(Exception):
    """The model data could not be had; the message tells a user why."""


def fetch(
    store: ObjectStore,
    account: str,
    url: str,
    directory: Path,
    *,
    prefix: bool,
    packed: bool,
    shared: bool = False,
) -> None:
    """Bring model data down into ``directory``.

    ``prefix``: every object below ``url``, at its key less the prefix; else one object, which is extracted when it
    is ``packed`` (tar.gz) and placed under its last key part otherwise. Where ``shared`` says that nobody can write
    to them, files may be the stored bytes themselves. Raises `ModelDataError`.
    """
    uri = parse(url)
    assert uri is not None, "the location was checked when the model was created"
    try:
        if prefix:
            channels.download_all(store, account, uri, directory, shared=shared)
        elif packed:
            with store.open(uri.bucket, uri.key, account=account) as body:
                archive.unpack(body, directory)
        else:
            target = directory / uri.key.rsplit("/", 1)[-1]
            store.place(uri.bucket, uri.key, target, shared=shared, account=account)
    except ObjectError as error:
        raise ModelDataError(f"{url}: {error}") from error
    except archive.BadArchive as error:
        raise ModelDataError(f"{url} is not a usable tar.gz: {error}") from error
    except OSError as error:
        raise ModelDataError(f"{url}: {error.strerror}") from error
    except channels.StagingError as error:
        raise ModelDataError(error.words) from error
