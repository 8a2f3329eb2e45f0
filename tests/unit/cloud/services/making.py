"""Requests that make something of one service, and those that look at it: what takes more than a line."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from tests.mounted import ACCOUNT, REGION

Clients = Callable[[str], Any]

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/mine"
TAGS = [{"Key": "team", "Value": "ml"}]
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def _code() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return event")
    return packed.getvalue()


def makes_iam(to: Clients) -> None:
    iam = to("iam")
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
    policy = iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="mine", PolicyArn=policy)
    iam.put_role_policy(RoleName="mine", PolicyName="inline", PolicyDocument=POLICY)
    iam.create_user(UserName="ann")
    iam.create_access_key(UserName="ann")


def sees_iam(to: Clients) -> object:
    iam = to("iam")
    return [
        iam.get_role(RoleName="mine")["Role"],
        iam.list_attached_role_policies(RoleName="mine")["AttachedPolicies"],
        iam.list_role_policies(RoleName="mine")["PolicyNames"],
        iam.list_access_keys(UserName="ann")["AccessKeyMetadata"],
    ]


def makes_logs(to: Clients) -> None:
    logs = to("logs")
    logs.create_log_group(logGroupName="/g", tags={"team": "ml"})
    logs.put_retention_policy(logGroupName="/g", retentionInDays=7)
    for stream in ("one", "two"):
        logs.create_log_stream(logGroupName="/g", logStreamName=stream)
    now = int(logs.describe_log_groups()["logGroups"][0]["creationTime"])
    for batch in range(3):
        events = [{"timestamp": now + batch, "message": f"{batch}-{line}"} for line in range(200)]
        logs.put_log_events(logGroupName="/g", logStreamName="one", logEvents=events)


def sees_logs(to: Clients) -> object:
    logs = to("logs")
    page = logs.get_log_events(logGroupName="/g", logStreamName="one", startFromHead=True, limit=1000)
    return [
        [event["message"] for event in page["events"]],
        logs.describe_log_groups()["logGroups"],
        logs.describe_log_streams(logGroupName="/g")["logStreams"],
        logs.list_tags_log_group(logGroupName="/g")["tags"],
    ]


def makes_cloudwatch(to: Clients) -> None:
    watch = to("cloudwatch")
    data = [{"MetricName": "loss", "Value": value, "Dimensions": [{"Name": "a", "Value": "b"}]} for value in (1.0, 2.0)]
    watch.put_metric_data(Namespace="N", MetricData=data)
    watch.put_metric_alarm(
        AlarmName="high",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="loss",
        Namespace="N",
        Period=60,
        Statistic="Sum",
        Threshold=1.0,
    )


def sees_cloudwatch(to: Clients) -> object:
    watch = to("cloudwatch")
    span = {"StartTime": "2020-01-01", "EndTime": "2099-01-01", "Period": 86400 * 365 * 100}
    dimensions = [{"Name": "a", "Value": "b"}]
    found = watch.get_metric_statistics(
        Namespace="N", MetricName="loss", Dimensions=dimensions, Statistics=["Sum", "SampleCount"], **span
    )
    return [
        [(point["Sum"], point["SampleCount"]) for point in found["Datapoints"]],
        watch.list_metrics(Namespace="N")["Metrics"],
        watch.describe_alarms()["MetricAlarms"],
    ]


def makes_ecr(to: Clients) -> None:
    ecr = to("ecr")
    ecr.create_repository(repositoryName="repo", tags=TAGS)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
    ecr.put_image(repositoryName="repo", imageManifest=json.dumps(manifest), imageTag="v1")


def sees_ecr(to: Clients) -> object:
    ecr = to("ecr")
    return [ecr.describe_repositories()["repositories"], ecr.describe_images(repositoryName="repo")["imageDetails"]]


def makes_sqs(to: Clients) -> None:
    sqs = to("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": redrive}, tags={"team": "ml"})["QueueUrl"]
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))


def sees_sqs(to: Clients) -> object:
    sqs = to("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "RedrivePolicy", "QueueArn", "CreatedTimestamp"]
    queues = [each.rsplit("/", 1)[1] for each in sqs.list_queues()["QueueUrls"]]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [queues, found, sqs.list_queue_tags(QueueUrl=url)["Tags"]]


def makes_sns(to: Clients) -> None:
    topic = to("sns").create_topic(Name="t", Tags=TAGS)["TopicArn"]
    to("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q")


def sees_sns(to: Clients) -> object:
    arn = to("sns").list_topics()["Topics"][0]["TopicArn"]
    return [to("sns").list_subscriptions()["Subscriptions"], to("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]]


def makes_kms(to: Clients) -> None:
    kms = to("kms")
    for spec in ("SYMMETRIC_DEFAULT", "RSA_2048"):
        usage = "ENCRYPT_DECRYPT" if spec == "SYMMETRIC_DEFAULT" else "SIGN_VERIFY"
        key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=f"alias/{spec}", TargetKeyId=key)
    sealed = kms.encrypt(KeyId="alias/SYMMETRIC_DEFAULT", Plaintext=b"secret")["CiphertextBlob"]
    to("ssm").put_parameter(Name="sealed", Value=base64.b64encode(sealed).decode(), Type="String")


def sees_kms(to: Clients) -> object:
    sealed = to("ssm").get_parameter(Name="sealed")["Parameter"]["Value"]
    public = to("kms").get_public_key(KeyId="alias/RSA_2048")["PublicKey"]
    return [to("kms").decrypt(CiphertextBlob=base64.b64decode(sealed))["Plaintext"], public]


def sees_secret(to: Clients) -> object:
    found = to("secretsmanager").get_secret_value(SecretId="s")
    return found["SecretString"], found["VersionId"], to("secretsmanager").describe_secret(SecretId="s")["Tags"]


def makes_dynamodb(to: Clients) -> None:
    dynamodb = to("dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=TAGS,
    )
    for key in "abc":
        dynamodb.put_item(TableName="t", Item={"k": {"S": key}, "n": {"N": "1"}})
    dynamodb.delete_item(TableName="t", Key={"k": {"S": "b"}})


def sees_dynamodb(to: Clients) -> object:
    return to("dynamodb").scan(TableName="t")["Items"], to("dynamodb").describe_table(TableName="t")["Table"]


def makes_stepfunctions(to: Clients) -> None:
    arn = to("stepfunctions").create_state_machine(name="m", definition=json.dumps(PASS), roleArn=ROLE)[
        "stateMachineArn"
    ]
    to("stepfunctions").start_execution(stateMachineArn=arn, name="e")


def sees_stepfunctions(to: Clients) -> object:
    arn = to("stepfunctions").list_state_machines()["stateMachines"][0]["stateMachineArn"]
    return [
        to("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"],
        [each["name"] for each in to("stepfunctions").list_executions(stateMachineArn=arn)["executions"]],
    ]


def makes_lambda(to: Clients) -> None:
    role = to("iam").create_role(RoleName="for-lambda", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    to("lambda").create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": _code()},
        Publish=True,
    )
    to("sqs").create_queue(QueueName="source")
    to("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:source")


def sees_lambda(to: Clients) -> object:
    return [
        to("lambda").get_function(FunctionName="f")["Configuration"],
        [each["Version"] for each in to("lambda").list_versions_by_function(FunctionName="f")["Versions"]],
        to("lambda").list_event_source_mappings(FunctionName="f")["EventSourceMappings"],
    ]


def makes_glue(to: Clients) -> None:
    to("glue").create_database(DatabaseInput={"Name": "d"})
    to("glue").create_table(DatabaseName="d", TableInput={"Name": "t", "StorageDescriptor": {"Columns": []}})


def makes_codepipeline(to: Clients) -> None:
    to("iam").create_role(
        RoleName="for-pipeline",
        AssumeRolePolicyDocument=json.dumps(
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}}]}
        ),
    )
    action = {"name": "a", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"}}
    stages = [{"name": name, "actions": [{**action, "name": name}]} for name in ("One", "Two")]
    pipeline = {"name": "p", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/for-pipeline", "stages": stages}
    to("codepipeline").create_pipeline(pipeline={**pipeline, "artifactStore": {"type": "S3", "location": "bucket"}})


def makes_codebuild(to: Clients) -> None:
    to("codebuild").create_project(
        name="builds",
        source={"type": "S3", "location": "bucket/path/file.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "image", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=f"arn:aws:iam::{ACCOUNT}:role/service-role/for-codebuild",
    )


def makes_cognito(to: Clients) -> None:
    pool = to("cognito-idp").create_user_pool(PoolName="pool")["UserPool"]["Id"]
    to("cognito-idp").admin_create_user(UserPoolId=pool, Username="ann")


def sees_cognito(to: Clients) -> object:
    pool = to("cognito-idp").list_user_pools(MaxResults=9)["UserPools"][0]["Id"]
    return to("cognito-idp").list_users(UserPoolId=pool)["Users"]


def makes_ec2(to: Clients) -> None:
    ec2 = to("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=1, ToPort=2, CidrIp="0.0.0.0/0")
    ec2.create_tags(Resources=[vpc], Tags=TAGS)


def sees_ec2(to: Clients) -> object:
    ec2 = to("ec2")
    images = ec2.describe_images(Owners=["amazon"])["Images"]
    return [
        ec2.describe_vpcs()["Vpcs"],
        ec2.describe_subnets()["Subnets"],
        ec2.describe_security_groups()["SecurityGroups"],
        [image["ImageId"] for image in images],
    ]


def makes_autoscaling_target(to: Clients) -> None:
    to("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/e/variant/v",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=2,
    )


def makes_events(to: Clients) -> None:
    to("events").put_rule(Name="r", ScheduleExpression="rate(1 hour)", Tags=TAGS)
    to("events").put_targets(Rule="r", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}])


def makes_elb(to: Clients) -> None:
    ec2 = to("ec2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"] if each["DefaultForAz"]][:2]
    to("elbv2").create_load_balancer(Name="lb", Subnets=subnets)


def makes_opensearch(to: Clients) -> None:
    to("opensearch").create_domain(DomainName="domain", EngineVersion="OpenSearch_2.11")
