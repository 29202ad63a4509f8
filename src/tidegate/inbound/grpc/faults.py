"""Trouble as gRPC statuses with rich details: which fields are malformed, when to come back."""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.inbound.shared.faults import FAULTS, FaultCode
from tidegate.inbound.shared.order_fields import MalformedOrder
from tidegate.inbound.shared.token_guard import Forbidden, Unauthenticated

Trouble = MalformedOrder | DependencyFailed | Overloaded | Unauthenticated | Forbidden
"""Everything that ends a call without a decision."""

TROUBLES = (MalformedOrder, DependencyFailed, Overloaded, Unauthenticated, Forbidden)


def status_of(trouble: Trouble) -> grpc.Status:
    """Give the status that tells of trouble: INVALID_ARGUMENT with every bad field, UNAVAILABLE and
    RESOURCE_EXHAUSTED with a time to wait, UNAUTHENTICATED, PERMISSION_DENIED.
    """
    details: list[Message] = []
    if isinstance(trouble, MalformedOrder):
        code = FaultCode.MALFORMED
        bad = BadRequest()
        for fault in trouble.faults:
            bad.field_violations.add(field=fault.field, description=fault.reason)
        details.append(bad)
    elif isinstance(trouble, DependencyFailed | Overloaded):
        code = FaultCode.OVERLOADED if isinstance(trouble, Overloaded) else FaultCode.DEPENDENCY_FAILED
        seconds, rest_ms = divmod(trouble.retry_after_ms, 1_000)
        details.append(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=rest_ms * 1_000_000)))
    else:
        code = FaultCode.UNAUTHENTICATED if isinstance(trouble, Unauthenticated) else FaultCode.FORBIDDEN
    status = Status(code=Code.Value(FAULTS[code].grpc_status), message=str(trouble))
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return rpc_status.to_status(status)
