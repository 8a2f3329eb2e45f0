"""The scoring service behind /ping and /invocations."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_container.errors import UserError
from sagemaker_container.server import Reply, Request

from sagemaker_xgboost.content_type import RequestFormat, request_format

if TYPE_CHECKING:
    from sagemaker_xgboost.predictor import Predictions, Predictor

TEXT = "text/html; charset=utf-8"

log = logging.getLogger(__name__)


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Scoring:
    """Answers requests with the model in ``folder``, which is loaded by the first ping or invocation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loading = threading.Lock()
        self._predictor: Predictor | None = None
        self._selection = os.environ.get("SAGEMAKER_INFERENCE_OUTPUT")
        self._default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT")
        self._batch = os.environ.get("SAGEMAKER_BATCH", "").lower() == "true"

    def ping(self) -> Reply:
        try:
            self._load()
        except Refused as refused:
            return _error(refused)
        return Reply(200)

    def invoke(self, request: Request) -> Reply:
        if not request.body:
            return Reply(204)
        try:
            return self._score(request)
        except Refused as refused:
            log.error("%s", refused)
            return _error(refused)

    def _score(self, request: Request) -> Reply:
        data = _features(request)
        predictor = self._load()
        try:
            values = predictor.predict(data)
        except Exception as error:  # whatever the library does not like about the payload
            raise Refused(400, f"Unable to evaluate payload provided: {error}") from error
        return self._reply(request, predictor, values)

    def _load(self) -> Predictor:
        if self._predictor is not None:
            return self._predictor
        with self._loading:
            if self._predictor is None:
                self._predictor = self._loaded()
            return self._predictor

    def _loaded(self) -> Predictor:
        from sagemaker_xgboost import predictor

        try:
            return predictor.load(self._folder)
        except Exception as error:  # a broken model can fail in any way; the endpoint must say so and stay up
            log.exception("Unable to load model")
            raise Refused(500, f"Unable to load model: {error}") from error

    def _reply(self, request: Request, predictor: Predictor, values: Predictions) -> Reply:
        from sagemaker_xgboost import encode

        try:
            accept = encode.accepted(request.accept, self._default_accept)
        except ValueError as error:
            raise Refused(406, str(error)) from error
        try:
            text = self._encoded(predictor, values, accept)
        except ValueError as error:
            raise Refused(500, str(error)) from error
        return Reply(200, text.encode(), f"{accept}; charset=utf-8" if accept.startswith("text/") else accept)

    def _encoded(self, predictor: Predictor, values: Predictions, accept: str) -> str:
        from sagemaker_xgboost import encode, selection

        if self._selection is None:
            return encode.predictions(values, accept, self._batch)
        wanted = selection.keys(self._selection)
        chosen = selection.select(values, wanted, predictor.objective, predictor.classes)
        return encode.selected(chosen, accept, self._batch)


def _error(refused: Refused) -> Reply:
    return Reply(refused.status, str(refused).encode(), TEXT)


def _features(request: Request) -> Any:
    """The rows of a body as a float32 array or CSR matrix."""
    try:
        kind = request_format(request.content_type)
    except UserError as error:
        raise Refused(415, error.message) from error
    try:
        return _parsed(request.body.strip().decode(), kind)
    except Exception as error:  # the message names the type, as AWS's image does, so any will do
        raise Refused(
            415,
            f"Loading {kind} data failed with Exception, please ensure data is in {kind} format:"
            f"\n {type(error)}\n {error}",
        ) from error


def _parsed(text: str, kind: RequestFormat) -> Any:
    from sagemaker_xgboost import csv_data, json_data, libsvm_data

    match kind:
        case "csv":
            return csv_data.parse_rows(text)
        case "libsvm":
            return libsvm_data.parse_rows(text)
        case "json":
            return json_data.parse_rows(text)
        case "jsonlines":
            return json_data.parse_lines(text)
