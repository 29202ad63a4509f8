"""One server on loopback that stands in for Wallet, Position and Metadata."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from tidegate.demo.fake_upstreams.book import UpstreamBook
from tidegate.demo.fake_upstreams.faults import Context, FaultPlan, misbehave
from tidegate.wire.proto.metadata.v1 import main_pb2 as metadata_pb
from tidegate.wire.proto.position.v1 import main_pb2 as position_pb
from tidegate.wire.proto.wallet.v1 import main_pb2 as wallet_pb

RowT = TypeVar("RowT")


class FakeUpstreams:
    """``start`` and ``stop`` it. ``wallet``, ``position`` and ``metadata`` plan the faults and count the calls; what
    ``book`` holds may be changed at any time.
    """

    def __init__(self, book: UpstreamBook | None = None) -> None:
        self.book = UpstreamBook() if book is None else book
        self.wallet = FaultPlan()
        self.position = FaultPlan()
        self.metadata = FaultPlan()
        self.address = ""
        self._server: grpc.aio.Server | None = None

    async def start(self, port: int = 0, *, credentials: grpc.ServerCredentials | None = None) -> "FakeUpstreams":
        """Listen on loopback; port 0 takes a free one. With credentials TLS is spoken."""
        self._server = server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers(
            (
                _handler(
                    "wallet.v1.WalletService",
                    {
                        "GetBalances": (self._get_balances, wallet_pb.GetBalancesRequest),
                        "ListBalances": (self._list_balances, wallet_pb.ListBalancesRequest),
                    },
                ),
                _handler(
                    "position.v1.PositionService",
                    {"GetHoldings": (self._get_holdings, position_pb.GetHoldingsRequest)},
                ),
                _handler(
                    "metadata.v1.MetadataService",
                    {"ListInstruments": (self._list_instruments, metadata_pb.ListInstrumentsRequest)},
                ),
            )
        )
        address = f"127.0.0.1:{port}"
        took = (
            server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
        )
        await server.start()
        self.address = f"127.0.0.1:{took}"
        return self

    async def stop(self) -> None:
        """Stop listening and drop what hangs."""
        assert self._server is not None
        await self._server.stop(None)

    async def _get_balances(self, request: wallet_pb.GetBalancesRequest, context: Context) -> Message | bytes:
        key = (request.user_id, request.account_id)
        self.wallet.about[key] += 1

        def usual() -> Message | None:
            known = key in self.book.accounts
            return wallet_pb.GetBalancesResponse(account=self.book.balances_of(key)) if known else None

        return await misbehave(self.wallet, "GetBalances", usual=usual, context=context)

    async def _list_balances(self, request: wallet_pb.ListBalancesRequest, context: Context) -> Message | bytes:
        def usual() -> Message:
            keys, token = _page(sorted(self.book.accounts), request.page_token, size=request.page_size)
            rows = map(self.book.balances_of, keys)
            return wallet_pb.ListBalancesResponse(accounts=rows, next_page_token=token)

        return await misbehave(self.wallet, "ListBalances", usual=usual, context=context)

    async def _get_holdings(self, request: position_pb.GetHoldingsRequest, context: Context) -> Message | bytes:
        def usual() -> Message:
            rows = [self.book.holdings_of((account.user_id, account.account_id)) for account in request.accounts]
            return position_pb.GetHoldingsResponse(accounts=rows)

        return await misbehave(self.position, "GetHoldings", usual=usual, context=context)

    async def _list_instruments(self, request: metadata_pb.ListInstrumentsRequest, context: Context) -> Message | bytes:
        def usual() -> Message:
            symbols, token = _page(sorted(self.book.instruments), request.page_token, size=request.page_size)
            rows = map(self.book.instrument_of, symbols)
            return metadata_pb.ListInstrumentsResponse(instruments=rows, next_page_token=token)

        return await misbehave(self.metadata, "ListInstruments", usual=usual, context=context)


def _page(rows: Sequence[RowT], token: str, *, size: int) -> tuple[Sequence[RowT], str]:
    """Cut a page out of rows; the token is the place where it begins."""
    begin = int(token or 0)
    end = begin + size
    return rows[begin:end], str(end) if end < len(rows) else ""


_Served = Callable[[Any, Context], Awaitable[Message | bytes]]


def _handler(service: str, methods: dict[str, tuple[_Served, type[Message]]]) -> grpc.GenericRpcHandler:
    """Serve methods that may answer bytes which are no message."""
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: grpc.unary_unary_rpc_method_handler(served, request.FromString, _bytes)
            for name, (served, request) in methods.items()
        },
    )


def _bytes(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
