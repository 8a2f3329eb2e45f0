"""Serving as a real process on the host, with models made by xgboost itself."""

from __future__ import annotations

import json
import pickle
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import xgboost

from tests.unit.containers.job_files import JobFiles, csv, libsvm, table

ROWS = table("cancer")
FEATURES = ROWS[:, 1:].astype(np.float32)
Serve = Callable[..., "Endpoint"]


def train(rows: Any, **parameters: Any) -> xgboost.Booster:
    matrix = xgboost.DMatrix(rows[:, 1:].astype(np.float32), label=rows[:, 0])
    return xgboost.train({"nthread": 1, **parameters}, matrix, 4)


def save(booster: xgboost.Booster, folder: Path, name: str = "xgboost-model") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(booster.save_raw("ubj"))


def body(rows: Any) -> str:
    return csv(rows[:, 1:])


class Endpoint:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def post(self, content: Any, content_type: str = "text/csv", accept: str | None = None) -> requests.Response:
        headers = {"Content-Type": content_type, "Accept": accept}
        return requests.post(f"{self.url}/invocations", data=content, headers=headers, timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(job: JobFiles, **environment: str) -> Iterator[Endpoint]:
    """A server that answers; at the end it must leave on SIGTERM with exit code 0."""
    port = free_port()
    process = job.start("serve", {**environment, "SAGEMAKER_BIND_TO_PORT": str(port)})
    try:
        deadline = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the server does not listen"
        yield Endpoint(port)
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.01)
        return False
    return True


@pytest.fixture
def serve(job: JobFiles) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(serving(job, **environment))


@pytest.fixture
def binary(job: JobFiles) -> xgboost.Booster:
    booster = train(ROWS, objective="binary:logistic")
    save(booster, job.model)
    return booster


def test_csv_gives_one_prediction_a_line(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(body(ROWS[:20]))
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert reply.text.endswith("\n")
    expected = binary.predict(xgboost.DMatrix(FEATURES[:20]))
    np.testing.assert_allclose([float(line) for line in reply.text.splitlines()], expected, rtol=1e-5)


def test_libsvm_and_csv_give_the_same_predictions(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    rows = ROWS[(ROWS != 0).all(axis=1)][:10]  # libsvm leaves zeros out, and what is left out is missing
    assert endpoint.post(libsvm(rows), "text/libsvm").text == endpoint.post(body(rows)).text
    assert endpoint.post(libsvm(rows, first_index=1), "text/x-libsvm").text == endpoint.post(body(rows)).text


def test_json_has_scores(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(body(ROWS[:2]), accept="application/json")
    assert reply.headers["content-type"] == "application/json"
    scores = [item["score"] for item in reply.json()["predictions"]]
    np.testing.assert_allclose(scores, binary.predict(xgboost.DMatrix(FEATURES[:2])), rtol=1e-5)


def test_json_and_json_lines_give_the_predictions_of_csv(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    text = body(ROWS[:5])
    rows = [[float(field) for field in line.split(",")] for line in text.splitlines()]
    expected = endpoint.post(text).text
    objects = [{"features": row} for row in rows]
    assert endpoint.post(json.dumps({"instances": objects}), "application/json").text == expected
    lines = "".join(f"{json.dumps(item)}\n" for item in objects)
    assert endpoint.post(lines, "application/jsonlines; charset=utf-8").text == expected


def test_null_is_missing_as_an_empty_csv_field_is(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    row = [None, *ROWS[0, 2:].tolist()]
    as_csv = ",".join("" if value is None else repr(value) for value in row)
    assert endpoint.post(json.dumps([row]), "application/json").text == endpoint.post(as_csv).text


def test_broken_json_is_unsupported_media_and_the_server_goes_on(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    for content in ('{"instances": [', "[[1, 2], [3]]", b"\xff", "[" * 200_000, f"[{10**400}]"):
        reply = endpoint.post(content, "application/json")
        assert reply.status_code == 415
        assert reply.text.startswith("Loading json data failed with Exception, please ensure data is in json format:")
    assert endpoint.post("[1", "application/jsonlines").text.startswith("Loading jsonlines data failed")
    assert endpoint.post(json.dumps(ROWS[0, 1:].tolist()), "application/json").status_code == 200


def test_json_with_too_many_features_cannot_be_evaluated(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(json.dumps([[1] * 31]), "application/json")
    assert reply.status_code == 400
    assert reply.text.startswith("Unable to evaluate payload provided: ")
    assert "31" in reply.text


def test_ping_is_empty_and_batch_transform_gets_its_parameters(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve(SM_NUM_CPUS="3")
    assert (endpoint.get("/ping").status_code, endpoint.get("/ping").content) == (200, b"")
    expected = {"MaxConcurrentTransforms": 3, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
    assert endpoint.get("/execution-parameters").json() == expected


def test_an_empty_body_has_no_content(binary: xgboost.Booster, serve: Serve) -> None:
    assert serve().post("").status_code == 204


def test_unreadable_bodies_are_unsupported_media(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    reply = endpoint.post("a,b,c")
    assert reply.status_code == 415
    assert reply.text.startswith("Loading csv data failed with Exception, please ensure data is in csv format:")
    assert "application/json, application/jsonlines." in endpoint.post("1,2", "text/plain").text
    assert "does not read it yet" in endpoint.post(b"x", "application/x-recordio-protobuf").text


def test_too_many_columns_cannot_be_evaluated(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(csv(np.hstack([ROWS[:1], ROWS[:1]])))
    assert reply.status_code == 400
    assert reply.text.startswith("Unable to evaluate payload provided: ")


def test_an_unknown_accept_type_is_not_acceptable(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(body(ROWS[:1]), accept="text/html")
    assert reply.status_code == 406
    assert reply.text.startswith("Accept type text/html is not supported.")


def test_json_lines_have_one_score_each(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    reply = endpoint.post(body(ROWS[:3]), accept="application/jsonlines")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/jsonlines")
    expected = endpoint.post(body(ROWS[:3]), accept="application/json").json()["predictions"]
    assert reply.text == "".join(f"{json.dumps(item)}\n" for item in expected)


def test_recordio_protobuf_answers_are_refused(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve().post(body(ROWS[:1]), accept="application/x-recordio-protobuf")
    assert (reply.status_code, "is not built" in reply.text) == (500, True)


def test_a_body_over_the_limit_is_refused_and_the_server_goes_on(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve(MAX_CONTENT_LENGTH="20000")
    assert endpoint.post(b"1," * 20000).status_code == 413
    assert endpoint.post(iter([b"1," * 20000])).status_code == 413
    assert endpoint.post(body(ROWS[:1])).status_code == 200


def test_unknown_paths_and_methods(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve()
    assert endpoint.get("/models").status_code == 404
    assert endpoint.get("/invocations").status_code == 405


def test_requests_side_by_side_get_their_own_answers(binary: xgboost.Booster, serve: Serve) -> None:
    endpoint = serve(SM_NUM_CPUS="4")
    bodies = [body(ROWS[i : i + 1]) for i in range(40)]
    expected = [endpoint.post(content).text for content in bodies]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda content: endpoint.post(content).text, bodies)) == expected


def test_a_missing_or_broken_model_fails_ping_and_invocation(job: JobFiles, serve: Serve) -> None:
    job.model.mkdir(parents=True)
    endpoint = serve()
    assert "No model file in" in endpoint.get("/ping").text
    (job.model / "xgboost-model").write_text("not a model")
    reply = endpoint.post("1,2")
    assert reply.status_code == 500
    assert reply.text.startswith("Unable to load model: ")
    save(train(ROWS, objective="binary:logistic"), job.model)
    assert endpoint.get("/ping").status_code == 200


def test_a_pickled_model_under_any_name_is_served(job: JobFiles, serve: Serve) -> None:
    booster = train(ROWS, objective="binary:logistic")
    job.model.mkdir(parents=True)
    (job.model / ".hidden").write_text("not a model")
    (job.model / "my-model.bin").write_bytes(pickle.dumps(booster))
    reply = serve().post(body(ROWS[:3]))
    expected = booster.predict(xgboost.DMatrix(FEATURES[:3]))
    np.testing.assert_allclose([float(line) for line in reply.text.splitlines()], expected, rtol=1e-5)


def two_models(job: JobFiles, objective: str) -> list[xgboost.Booster]:
    boosters = [train(ROWS[:300], objective=objective), train(ROWS[300:], objective=objective)]
    for number, booster in enumerate(boosters):
        save(booster, job.model, f"xgboost-model-{number}")
    return boosters


def test_several_models_answer_with_their_mean(job: JobFiles, serve: Serve) -> None:
    votes = [booster.predict(xgboost.DMatrix(FEATURES[:5])) for booster in two_models(job, "binary:logistic")]
    lines = serve().post(body(ROWS[:5])).text.splitlines()
    np.testing.assert_allclose([float(line) for line in lines], np.mean(votes, axis=0), rtol=1e-5)


def test_only_the_first_of_several_models_answers_without_ensemble(job: JobFiles, serve: Serve) -> None:
    first, _ = two_models(job, "binary:logistic")
    lines = serve(SAGEMAKER_INFERENCE_ENSEMBLE="false").post(body(ROWS[:5])).text.splitlines()
    expected = first.predict(xgboost.DMatrix(FEATURES[:5]))
    np.testing.assert_allclose([float(line) for line in lines], expected, rtol=1e-5)


def test_class_probabilities_stand_in_one_line_and_labels_can_be_selected(job: JobFiles, serve: Serve) -> None:
    rows = table("iris")
    save(train(rows, objective="multi:softprob", num_class=3), job.model)
    plain = serve().post(body(rows[:2])).text
    assert [len(line.split(",")) for line in plain.splitlines()] == [3, 3]
    selected = serve(SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probabilities")
    lines = selected.post(body(rows[:2]), accept="application/jsonlines").text.splitlines()
    assert [json.loads(line)["predicted_label"] for line in lines] == rows[:2, 0].tolist()


def test_a_linear_model_is_served(job: JobFiles, serve: Serve) -> None:
    booster = train(ROWS, objective="binary:logistic", booster="gblinear")
    save(booster, job.model)
    lines = serve().post(body(ROWS[:3])).text.splitlines()
    np.testing.assert_allclose(
        [float(line) for line in lines], booster.predict(xgboost.DMatrix(FEATURES[:3])), rtol=1e-3
    )


def test_the_default_accept_type_can_be_set(binary: xgboost.Booster, serve: Serve) -> None:
    reply = serve(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json").post(body(ROWS[:1]), accept="*/*")
    assert "predictions" in reply.json()
