"""Requests for S3, passed on to the server of the user's that ``--s3-endpoint-url`` names."""

from emulator.front.s3_proxy.app import S3Proxy

__all__ = ["S3Proxy"]
