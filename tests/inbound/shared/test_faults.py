"""The one table of fault codes."""

import grpc

from tidegate.inbound.shared.faults import FAULTS, FaultCode


def test_every_code_has_one_row_with_an_error_status_each_way() -> None:
    """PL-311: every error code is in one table, with its HTTP and its gRPC status."""
    assert set(FAULTS) == set(FaultCode)
    for fault in FAULTS.values():
        assert 400 <= fault.http_status < 600
        assert grpc.StatusCode[fault.grpc_status] is not grpc.StatusCode.OK
        assert fault.title


def test_http_statuses_name_one_code_each() -> None:
    """A status that a framework gives can be turned into its code."""
    assert len({fault.http_status for fault in FAULTS.values()}) == len(FAULTS)


def test_retry_is_offered_where_time_heals() -> None:
    """PL-308: overload, a failed dependency and a spent deadline ask to come again; nothing else does."""
    assert {code for code, fault in FAULTS.items() if fault.retryable} == {
        FaultCode.OVERLOADED,
        FaultCode.DEPENDENCY_FAILED,
        FaultCode.DEADLINE_EXCEEDED,
    }
