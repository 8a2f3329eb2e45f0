"""Something of every kept service, made over the wire, and how to see it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.mounted import ACCOUNT, REGION
from tests.unit.cloud.services import making
from tests.unit.cloud.services.making import ROLE, TAGS, Clients

TEMPLATE = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "stacked"}}}})


@dataclass(frozen=True)
class Made:
    """One service's example: ``make`` is given what makes clients, ``look`` answers what a client sees."""

    make: Callable[[Clients], object]
    look: Callable[[Clients], object]


MADE = {
    "acm": Made(
        lambda to: to("acm").request_certificate(DomainName="example.com"),
        lambda to: to("acm").list_certificates()["CertificateSummaryList"],
    ),
    "applicationautoscaling": Made(
        making.makes_autoscaling_target,
        lambda to: to("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ],
    ),
    "athena": Made(
        lambda to: to("athena").create_work_group(Name="w", Configuration={}),
        lambda to: [each["Name"] for each in to("athena").list_work_groups()["WorkGroups"]],
    ),
    "awslambda": Made(making.makes_lambda, making.sees_lambda),
    "cloudformation": Made(
        lambda to: to("cloudformation").create_stack(StackName="s", TemplateBody=TEMPLATE),
        lambda to: [
            to("cloudformation").describe_stacks()["Stacks"],
            to("cloudformation").list_stack_resources(StackName="s")["StackResourceSummaries"],
        ],
    ),
    "cloudwatch": Made(making.makes_cloudwatch, making.sees_cloudwatch),
    "codebuild": Made(
        making.makes_codebuild, lambda to: to("codebuild").batch_get_projects(names=["builds"])["projects"]
    ),
    "codecommit": Made(
        lambda to: to("codecommit").create_repository(repositoryName="r"),
        lambda to: to("codecommit").get_repository(repositoryName="r")["repositoryMetadata"],
    ),
    "codepipeline": Made(making.makes_codepipeline, lambda to: to("codepipeline").get_pipeline(name="p")["pipeline"]),
    "cognitoidentity": Made(
        lambda to: to("cognito-identity").create_identity_pool(
            IdentityPoolName="pool", AllowUnauthenticatedIdentities=True
        ),
        lambda to: to("cognito-identity").list_identity_pools(MaxResults=9)["IdentityPools"],
    ),
    "cognitoidp": Made(making.makes_cognito, making.sees_cognito),
    "dynamodb": Made(making.makes_dynamodb, making.sees_dynamodb),
    "ec2": Made(making.makes_ec2, making.sees_ec2),
    "ecr": Made(making.makes_ecr, making.sees_ecr),
    "ecs": Made(
        lambda to: to("ecs").create_cluster(clusterName="c"),
        lambda to: to("ecs").describe_clusters(clusters=["c"])["clusters"],
    ),
    "elbv2": Made(making.makes_elb, lambda to: to("elbv2").describe_load_balancers()["LoadBalancers"]),
    "events": Made(
        making.makes_events,
        lambda to: [to("events").list_rules()["Rules"], to("events").list_targets_by_rule(Rule="r")["Targets"]],
    ),
    "firehose": Made(
        lambda to: to("firehose").create_delivery_stream(
            DeliveryStreamName="f", S3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"}
        ),
        lambda to: to("firehose").list_delivery_streams()["DeliveryStreamNames"],
    ),
    "glue": Made(making.makes_glue, lambda to: to("glue").get_tables(DatabaseName="d")["TableList"]),
    "iam": Made(making.makes_iam, making.sees_iam),
    "kinesis": Made(
        lambda to: to("kinesis").create_stream(StreamName="s", ShardCount=1),
        lambda to: to("kinesis").list_streams()["StreamNames"],
    ),
    "kms": Made(making.makes_kms, making.sees_kms),
    "lakeformation": Made(
        lambda to: to("lakeformation").create_lf_tag(TagKey="k", TagValues=["v"]),
        lambda to: to("lakeformation").list_lf_tags()["LFTags"],
    ),
    "logs": Made(making.makes_logs, making.sees_logs),
    "opensearch": Made(making.makes_opensearch, lambda to: to("opensearch").list_domain_names()["DomainNames"]),
    "resourcegroups": Made(
        lambda to: to("resource-groups").create_group(
            Name="g",
            ResourceQuery={
                "Type": "TAG_FILTERS_1_0",
                "Query": json.dumps(
                    {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "team", "Values": ["ml"]}]}
                ),
            },
        ),
        lambda to: to("resource-groups").get_group(GroupName="g")["Group"],
    ),
    "resourcegroupstaggingapi": Made(
        lambda to: to("sns").create_topic(Name="tagged", Tags=TAGS),
        lambda to: sorted(
            each["ResourceARN"]
            for each in to("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}])[
                "ResourceTagMappingList"
            ]
        ),
    ),
    "route53": Made(
        lambda to: to("route53").create_hosted_zone(Name="example.com", CallerReference="1"),
        lambda to: [each["Name"] for each in to("route53").list_hosted_zones()["HostedZones"]],
    ),
    "scheduler": Made(
        lambda to: to("scheduler").create_schedule(
            Name="s",
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "RoleArn": ROLE},
        ),
        lambda to: to("scheduler").list_schedules()["Schedules"],
    ),
    "secretsmanager": Made(
        lambda to: to("secretsmanager").create_secret(Name="s", SecretString="hidden", Tags=TAGS), making.sees_secret
    ),
    "servicediscovery": Made(
        lambda to: to("servicediscovery").create_http_namespace(Name="n"),
        lambda to: [each["Name"] for each in to("servicediscovery").list_namespaces()["Namespaces"]],
    ),
    "sns": Made(making.makes_sns, making.sees_sns),
    "sqs": Made(making.makes_sqs, making.sees_sqs),
    "ssm": Made(
        lambda to: to("ssm").put_parameter(Name="/p", Value="v", Type="SecureString", Tags=TAGS),
        lambda to: to("ssm").get_parameter(Name="/p", WithDecryption=True)["Parameter"],
    ),
    "stepfunctions": Made(making.makes_stepfunctions, making.sees_stepfunctions),
    "sts": Made(
        lambda to: to("sts").assume_role(RoleArn="arn:aws:iam::999988887777:role/theirs", RoleSessionName="session"),
        lambda to: to("sts").get_caller_identity()["Account"],
    ),
}
"""By moto's name of the service."""
