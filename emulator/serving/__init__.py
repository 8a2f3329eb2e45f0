"""The data plane without AWS's wire: routes, connections to containers, invocations."""
