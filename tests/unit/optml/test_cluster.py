"""Hosts and groups of a job, and what each host is told."""

from __future__ import annotations

from emulator.optml import config
from emulator.optml.cluster import Cluster, Host

MIXED = {
    "InstanceGroups": [
        {"InstanceGroupName": "big", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "small", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
}


def test_equal_instances_are_one_group_of_hosts_numbered_from_one() -> None:
    cluster = Cluster.of({"InstanceType": "ml.m5.large", "InstanceCount": 2})
    assert [host.name for host in cluster.hosts] == ["algo-1", "algo-2"]
    assert {host.group for host in cluster.hosts} == {"homogeneousCluster"}


def test_hosts_are_numbered_through_all_groups() -> None:
    assert Cluster.of(MIXED).hosts == (
        Host("algo-1", "big", "ml.m5.xlarge"),
        Host("algo-2", "small", "ml.m5.large"),
        Host("algo-3", "small", "ml.m5.large"),
    )


def test_names_are_sorted_as_texts() -> None:
    assert Cluster.of({"InstanceType": "t", "InstanceCount": 10}).names[:3] == ["algo-1", "algo-10", "algo-2"]


def test_a_channel_for_one_group_is_told_to_its_hosts_alone() -> None:
    cluster = Cluster.of(MIXED)
    channels = [
        {"ChannelName": "all", "DataSource": {"S3DataSource": {}}},
        {"ChannelName": "few", "DataSource": {"S3DataSource": {"InstanceGroupNames": ["big"]}}},
    ]
    request = {"AlgorithmSpecification": {}, "InputDataConfig": channels}
    told = {host.name: sorted(config.input_data(request, cluster, host)) for host in cluster.hosts}
    assert told == {"algo-1": ["all", "few"], "algo-2": ["all"], "algo-3": ["all"]}


def test_each_host_is_told_its_own_name_type_and_group() -> None:
    cluster = Cluster.of(MIXED)
    told = config.resources(cluster, cluster.hosts[2])
    assert (told["current_host"], told["current_instance_type"], told["current_group_name"]) == (
        "algo-3",
        "ml.m5.large",
        "small",
    )
    assert [group["hosts"] for group in told["instance_groups"]] == [["algo-1"], ["algo-2", "algo-3"]]
