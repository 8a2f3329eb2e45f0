"""From a table of numbers to predictions: train SageMaker's built-in XGBoost, host the model, ask it.

Run it after `eval "$(sagemaker-emulator env)"`. Nothing here knows of the emulator: without that environment the same
script runs on AWS, where it costs money; name your role in SAGEMAKER_ROLE.
"""

import os
import sys
from contextlib import suppress
from time import strftime
from typing import Any

import boto3
import numpy as np
from botocore.exceptions import ClientError, WaiterError
from sklearn.datasets import load_breast_cancer

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
NAME = strftime("quickstart-%Y%m%d-%H%M%S")
session = boto3.Session(region_name="us-east-1")  # where the image is
s3, sagemaker, runtime = session.client("s3"), session.client("sagemaker"), session.client("sagemaker-runtime")
account = session.client("sts").get_caller_identity()["Account"]
bucket = f"sagemaker-quickstart-{account}"
role = os.environ.get("SAGEMAKER_ROLE", f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole")


def csv(rows: Any) -> str:
    """Rows as the algorithm wants them: no header, and for training the label in the first column."""
    return "\n".join(",".join(f"{value:g}" for value in row) for row in rows)


def channel(name: str, rows: Any) -> Any:
    """Upload ``rows`` and name them as an input of the training job."""
    s3.put_object(Bucket=bucket, Key=f"{NAME}/{name}/{name}.csv", Body=csv(rows))
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{NAME}/{name}/"}}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": source}


def wait(waiter: Any, describe: Any, **name: str) -> Any:
    """Wait as boto3 does, only more often; end with SageMaker's own reason when it does not come right."""
    try:
        sagemaker.get_waiter(waiter).wait(**name, WaiterConfig={"Delay": 1, "MaxAttempts": 900})
    except WaiterError as error:
        sys.exit(describe(**name).get("FailureReason", str(error)))
    return describe(**name)


def train(table: Any) -> Any:
    """Run a training job and answer its description."""
    s3.create_bucket(Bucket=bucket)
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"objective": "binary:logistic", "num_round": "50", "max_depth": "4", "eval_metric": "error"},
        InputDataConfig=[channel("train", table[:400]), channel("validation", table[400:])],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/{NAME}/output/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = wait("training_job_completed_or_stopped", sagemaker.describe_training_job, TrainingJobName=NAME)
    print("Training job:", " > ".join(step["Status"] for step in job["SecondaryStatusTransitions"]))
    print("Metrics:", ", ".join(f"{one['MetricName']} {one['Value']:.3f}" for one in job["FinalMetricDataList"]))
    return job


def serve(job: Any) -> None:
    """Host the job's model; returns when the endpoint is in service."""
    container: Any = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    variant: Any = {"VariantName": "All", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_model(ModelName=NAME, PrimaryContainer=container, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    print("Endpoint:", wait("endpoint_in_service", sagemaker.describe_endpoint, EndpointName=NAME)["EndpointStatus"])


def take_down() -> None:
    """Delete what was made, in that order; the first that was never made ends it."""
    with suppress(ClientError):
        sagemaker.delete_model(ModelName=NAME)
        sagemaker.delete_endpoint_config(EndpointConfigName=NAME)
        sagemaker.delete_endpoint(EndpointName=NAME)


def predict(rows: Any) -> Any:
    answer = runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=csv(rows))
    return np.array(answer["Body"].read().decode().replace(",", " ").split(), dtype=float)


features, label = load_breast_cancer(return_X_y=True)
table = np.random.default_rng(0).permutation(np.column_stack([label, features]))
seen, held_out = table[:469], table[469:]
try:
    serve(train(seen))
    truths, probability = held_out[:, 0], predict(held_out[:, 1:])
    for truth, guess in zip(truths[:5], probability[:5], strict=True):
        print(f"  benign with probability {guess:.3f}, in truth {'benign' if truth else 'malignant'}")
    print(f"Held-out accuracy: {np.mean((probability > 0.5) == truths):.3f} on {len(held_out)} rows")
finally:
    take_down()
