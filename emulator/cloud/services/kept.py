"""Which of moto's services survive the end of the process, by moto's names for them."""

from __future__ import annotations

KEPT = frozenset(
    (
        "acm",
        "applicationautoscaling",
        "athena",
        "awslambda",
        "cloudformation",
        "cloudwatch",
        "codebuild",
        "codecommit",
        "codepipeline",
        "cognitoidentity",
        "cognitoidp",
        "dynamodb",
        "ec2",
        "ecr",
        "ecs",
        "elbv2",
        "events",
        "firehose",
        "glue",
        "iam",
        "kinesis",
        "kms",
        "lakeformation",
        "logs",
        "opensearch",
        "resourcegroups",
        "resourcegroupstaggingapi",
        "route53",
        "scheduler",
        "secretsmanager",
        "servicediscovery",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
    )
)
"""Each is tested to survive. S3 has rows of its own; every other service of moto begins empty."""

BEGIN_EMPTY = {
    "apigatewaymanagementapi": "its connections do not outlive the process",
    "batch": "its jobs are threads",
    "efs": "its mount targets and EC2's subnets hold each other, and neither can be loaded before the other",
    "elasticbeanstalk": "moto makes its classes while it runs, and they cannot be found again",
    "moto_api": "moto's own settings and recordings",
    "swf": "its timers are threads",
}
"""Services that cannot be kept, and why. The others that are missing above have no test that they survive."""
