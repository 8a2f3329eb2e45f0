"""Warm pools: the instances that a job with KeepAlivePeriodInSeconds leaves to the next one that matches."""
