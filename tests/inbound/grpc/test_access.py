"""Who may call the gate: bearers of a token that carries RISK_TRADER_GATE, and nobody else."""

from collections.abc import Awaitable

import grpc
import pytest
from tests.inbound.grpc.edge import Edge, a_request, an_edge, refused
from tests.inbound.shared.tokens import NOW_S, a_guard, a_token, key_ring, some_claims

from tidegate.inbound.shared.token_guard import Role
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

Metadata = tuple[tuple[str, str], ...]


def bearing(*roles: str) -> Metadata:
    """Metadata with a token that carries these roles."""
    return (("authorization", f"Bearer {a_token(some_claims(realm_access={'roles': list(roles)}))}"),)


def calls(edge: Edge, metadata: Metadata) -> list[Awaitable[object]]:
    """One call of each method."""
    return [
        edge.stub.PreTradeCheck(a_request(dry_run=True), metadata=metadata),
        edge.stub.PreTradeCheckStream(iter([a_request(dry_run=True)]), metadata=metadata).read(),
        edge.stub.MaxOrderQuantity(pb.MaxOrderQuantityRequest(order=a_request()), metadata=metadata),
    ]


@pytest.mark.parametrize("role", list(Role))
async def test_only_the_role_of_the_gate_may_call_it(role: Role) -> None:
    """PT-801: the role matrix of the gate's three methods: RISK_TRADER_GATE passes, every other role is forbidden."""
    async with an_edge(guard=a_guard()) as edge:
        for call in calls(edge, bearing(role)):
            if role is Role.RISK_TRADER_GATE:
                assert await call
            else:
                assert (await refused(call)).code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Basic YTpi"),),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer no.token.atall"),),
        (("authorization", f"Bearer {a_token(key=key_ring().other_rsa)}"),),
        (("authorization", f"Bearer {a_token(some_claims(exp=NOW_S - 60))}"),),
        (("authorization", f"Bearer {a_token(some_claims(aud='another'))}"),),
        (*bearing(Role.RISK_TRADER_GATE), *bearing(Role.RISK_TRADER_GATE)),
    ],
    ids=["none", "basic", "empty", "no token", "another key", "expired", "another audience", "two of them"],
)
async def test_a_caller_without_a_valid_token_is_unauthenticated(metadata: Metadata) -> None:
    """PT-801: on every method, and nothing is decided."""
    async with an_edge(guard=a_guard()) as edge:
        for call in calls(edge, metadata):
            assert (await refused(call)).code is grpc.StatusCode.UNAUTHENTICATED
        assert await edge.gate.reserved() == {}


async def test_a_caller_without_a_token_learns_nothing_of_its_order() -> None:
    """PT-801: who may not call is told so before the order is read, also when it cannot be read."""
    async with an_edge(guard=a_guard()) as edge:
        told = await refused(edge.stub.PreTradeCheck(a_request(quantity="x")))
        assert (told.code, told.fields) == (grpc.StatusCode.UNAUTHENTICATED, ())
        assert (await refused(edge.send("PreTradeCheck", b"\xff"))).code is grpc.StatusCode.UNAUTHENTICATED
