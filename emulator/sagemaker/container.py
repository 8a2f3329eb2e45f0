"""The environment that every container of the service finds."""

from __future__ import annotations

from urllib.parse import urlsplit

from emulator.arns import Scope
from emulator.engines.instances import Limits
from emulator.sagemaker.platform import Platform


def environment(platform: Platform, scope: Scope, role: str, limits: Limits, *, isolated: bool) -> dict[str, str]:
    """Region, processor count, and (unless isolated) the emulator's URL and the role's credentials."""
    variables = {
        "AWS_REGION": scope.region,
        "AWS_DEFAULT_REGION": scope.region,
        # No instance metadata here; without this an SDK waits for it.
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if limits.cpus is not None:
        # A container sees all processors of the host whatever its limit; libraries would start too many threads.
        variables["OMP_NUM_THREADS"] = str(max(1, int(limits.cpus)))
    if isolated:
        return variables
    url = platform.endpoint_url()
    host = urlsplit(url).hostname or ""
    return {
        **variables,
        **platform.container_credentials(scope, role),
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_S3": url,
        # The training toolkit's own name for it; the boto3 of older images knows none of the above.
        "S3_ENDPOINT_URL": url,
        # No proxy that the image or Docker's configuration names reaches this machine; each client has its spelling.
        "NO_PROXY": host,
        "no_proxy": host,
    }
