"""The AWS wire, built at run time from botocore's own service models.

``Service`` serves one AWS service: it parses and validates a request, calls a handler with plain values, and
projects the answer on the operation's output shape. Everything here is free of I/O but for reading the models.
"""

from __future__ import annotations

from emulator.aws.credentials import Credential, credential
from emulator.aws.protocol import Operation
from emulator.aws.service import Service
from emulator.aws.wire import Call, Handler, WireReply, WireRequest

__all__ = ["Call", "Credential", "Handler", "Operation", "Service", "WireReply", "WireRequest", "credential"]
