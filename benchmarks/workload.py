"""What is trained and served: XGBoost on a data set that scikit-learn ships, by request and as bare files."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.api import Api
from emulator.optml import archive, config
from emulator.optml.cluster import Cluster
from emulator.optml.layout import Layout, open_to_all

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
INSTANCE_TYPE = "ml.m5.large"
ENVIRONMENT = {"OMP_NUM_THREADS": "2"}
"""What the emulator sets for an instance of that type and a program's speed depends on."""
BUCKET = "benchmark"
_ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
_CHANNELS = {"train": slice(0, 450), "validation": slice(450, None)}


@cache
def _rows() -> list[str]:
    """The breast cancer data set: 569 lines of a label and 30 features."""
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    return [",".join(map(str, [label, *row])) for label, row in zip(labels, features, strict=True)]


def invocation() -> bytes:
    """One row of features, as CSV."""
    return _rows()[-1].partition(",")[2].encode()


def channels() -> dict[str, bytes]:
    """Channel name to its one file."""
    return {name: "\n".join(_rows()[part]).encode() for name, part in _CHANNELS.items()}


def upload(api: Api) -> None:
    """Put the channels into the emulator's S3."""
    api.put(f"/{BUCKET}")
    for name, content in channels().items():
        api.put(f"/{BUCKET}/{name}/data.csv", content)


def training_request(name: str) -> dict[str, Any]:
    """A CreateTrainingJob request for what `upload` put there."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": _ROLE,
        "InputDataConfig": [_channel(name) for name in _CHANNELS],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": INSTANCE_TYPE, "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": {"num_round": "50", "objective": "binary:logistic"},
    }


def train(api: Api, name: str) -> float:
    """Run a training job; answers when it was seen to be Completed (``time.perf_counter``)."""
    api.sagemaker("CreateTrainingJob", **training_request(name))
    return api.wait(
        lambda: api.sagemaker("DescribeTrainingJob", TrainingJobName=name),
        "TrainingJobStatus",
        "Completed",
        "InProgress",
    )


def create_model(api: Api, job: str) -> None:
    """A model and an endpoint configuration, both called ``job``, of what that job made."""
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/{job}/output/model.tar.gz"}
    variant = {"VariantName": "All", "ModelName": job, "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}
    api.sagemaker("CreateModel", ModelName=job, PrimaryContainer=container, ExecutionRoleArn=_ROLE)
    api.sagemaker("CreateEndpointConfig", EndpointConfigName=job, ProductionVariants=[variant])


def create_endpoint(api: Api, name: str, job: str) -> float:
    """Host the model of ``job``; answers when the endpoint was seen to be InService (``time.perf_counter``)."""
    api.sagemaker("CreateEndpoint", EndpointName=name, EndpointConfigName=job)
    return api.wait(
        lambda: api.sagemaker("DescribeEndpoint", EndpointName=name), "EndpointStatus", "InService", "Creating"
    )


def delete_endpoint(api: Api, name: str) -> None:
    """Take an endpoint down; returns when it is gone, so that its end does not slow what is measured next."""
    api.sagemaker("DeleteEndpoint", EndpointName=name)
    api.wait_until(lambda: name not in _endpoints(api), f"the endpoint {name} is gone")


def lay_out_training(root: Path) -> Path:
    """The files below /opt/ml of the same training job, for a bare run; answers the directory that is /opt/ml."""
    layout = Layout(root)
    layout.make_for_training()
    for name, content in channels().items():
        (layout.data / name).mkdir()
        (layout.data / name / "data.csv").write_bytes(content)
    request = training_request("bare")
    cluster = Cluster.of(request["ResourceConfig"])
    config.write(layout.config, request, cluster, cluster.hosts[0])
    open_to_all(layout.ml)
    return layout.ml


def lay_out_model(root: Path, api: Api, job: str) -> Path:
    """The files below /opt/ml of an endpoint with the model of ``job``; answers the directory that is /opt/ml."""
    layout = Layout(root)
    layout.make_for_serving()
    packed = io.BytesIO(api.get(f"/{BUCKET}/models/{job}/output/model.tar.gz"))
    archive.unpack(packed, layout.model)
    open_to_all(layout.ml)
    return layout.ml


def _endpoints(api: Api) -> list[str]:
    return [one["EndpointName"] for one in api.sagemaker("ListEndpoints")["Endpoints"]]


def _channel(name: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
