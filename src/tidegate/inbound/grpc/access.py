"""Who may call: bearer tokens with the role RISK_TRADER_GATE in the metadata, or (loopback only) anyone, by setting."""

import grpc

from tidegate.inbound.shared.token_guard import Forbidden, Role, TokenGuard, Unauthenticated

_BEARER = "bearer "


class Access:
    """Guards the service; without a guard it is open, which settings allow on loopback alone."""

    def __init__(self, guard: TokenGuard | None) -> None:
        self._guard = guard
        self.guarded = guard is not None

    async def require(self, context: grpc.aio.ServicerContext[object, object]) -> None:
        """Let the caller pass.

        Raises:
            Unauthenticated: no valid token.
            Forbidden: the token does not carry RISK_TRADER_GATE.
            DependencyFailed: the issuer's keys are not known yet.
        """
        if self._guard is None:
            return
        principal = await self._guard.principal(_bearer_token(context))
        if Role.RISK_TRADER_GATE not in principal.roles:
            raise Forbidden("this needs the role RISK_TRADER_GATE")


def _bearer_token(context: grpc.aio.ServicerContext[object, object]) -> str:
    found = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    if len(found) != 1 or not isinstance(found[0], str) or not found[0].lower().startswith(_BEARER):
        raise Unauthenticated("give one authorization entry: Bearer and a token", presented=bool(found))
    return found[0][len(_BEARER) :].strip()
