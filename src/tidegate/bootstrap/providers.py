"""Opens the outside data providers that settings choose; none is chosen by default."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from tidegate.outbound.providers.addresses import UnfitAddress, checked_base
from tidegate.outbound.providers.credentials import ClientCredentials, ClientGrant, Credentials, FixedCredentials
from tidegate.outbound.providers.crif import CrifAdapter
from tidegate.outbound.providers.exchange import ProviderAdapter
from tidegate.outbound.providers.flights import Line
from tidegate.outbound.providers.generic import GenericAdapter
from tidegate.outbound.providers.generic_definition import (
    AuthType,
    GenericDefinition,
    InvalidDefinitions,
    read_definitions,
)
from tidegate.outbound.providers.policy import ProviderPolicy
from tidegate.outbound.providers.runtime import HttpProvider, steady_ms
from tidegate.outbound.providers.transport import HttpTransport
from tidegate.outbound.providers.zefix import ZefixAdapter
from tidegate.ports.external_data import ExternalDataProviderClient
from tidegate.settings import CrifArea, ProvidersArea, Settings, UnreadableSettings, ZefixArea

DEFINITIONS_BYTES_MAX: Final = 1_048_576
"""Of a file of definitions."""


@asynccontextmanager
async def open_providers(settings: Settings) -> AsyncIterator[Mapping[str, ExternalDataProviderClient]]:
    """Open every provider that settings choose, by the name under which rules read it; inside a running loop.

    Raises:
        UnreadableSettings: naming everything about providers that is not right.
    """
    plans = _Plans(settings)
    if plans.faults:
        raise UnreadableSettings(plans.faults)
    async with AsyncExitStack() as stack:
        opened: dict[str, ExternalDataProviderClient] = {}
        for open_line in plans.lines:
            provider = HttpProvider(open_line())
            stack.push_async_callback(provider.close)
            opened[provider.name] = provider
        yield opened


def provider_faults(settings: Settings) -> list[str]:
    """Say what about providers is not right, without asking anyone."""
    return _Plans(settings).faults


class _Plans:
    """What settings choose, checked; nothing is open yet."""

    def __init__(self, settings: Settings) -> None:
        self.faults: list[str] = []
        self.lines: list[Callable[[], Line]] = []
        self._area = settings.providers
        if settings.zefix.url is not None:
            self._zefix(settings.zefix, settings.zefix.url)
        if settings.crif.url is not None:
            self._crif(settings.crif, settings.crif.url)
        for place, definition in self._definitions(settings.providers):
            self._generic(place, definition)

    def _zefix(self, area: ZefixArea, url: str) -> None:
        base = self._base("TIDEGATE_ZEFIX_URL", url)
        policy = _policy(area.timeout_ms, cache_ttl_s=area.cache_ttl_s, concurrency_max=area.concurrency_max)
        credentials = FixedCredentials.basic(area.username or "", _shown(area.password))
        adapter = ZefixAdapter(area.uid_field, area.name_field)
        self.lines.append(lambda: _line(adapter, base, credentials=credentials, policy=policy))

    def _crif(self, area: CrifArea, url: str) -> None:
        base = self._base("TIDEGATE_CRIF_URL", url)
        policy = ProviderPolicy(
            timeout_ms=area.timeout_ms,
            read_timeout_ms=area.timeout_ms,
            retries_max=0,
            cache_ttl_s=area.cache_ttl_s,
            concurrency_max=area.concurrency_max,
            cost_micros=area.cost_micros,
            billed=True,
        )
        credentials = FixedCredentials.basic(area.username or "", _shown(area.password))
        adapter = CrifAdapter(
            area.api_version,
            area.end_user_id or "",
            cost_group_id=area.cost_group_id or "",
            report_type=area.report_type,
        )
        self.lines.append(lambda: _line(adapter, base, credentials=credentials, policy=policy))

    def _definitions(self, area: ProvidersArea) -> list[tuple[str, GenericDefinition]]:
        sources: dict[str, str] = {}
        if area.generic is not None:
            sources["TIDEGATE_PROVIDERS_GENERIC"] = area.generic
        if area.generic_file is not None:
            try:
                with area.generic_file.open(encoding="utf-8") as file:
                    sources["TIDEGATE_PROVIDERS_GENERIC_FILE"] = file.read(DEFINITIONS_BYTES_MAX + 1)
            except (OSError, UnicodeDecodeError) as unreadable:
                self.faults.append(f"TIDEGATE_PROVIDERS_GENERIC_FILE: cannot be read: {type(unreadable).__name__}")
        found: list[tuple[str, GenericDefinition]] = []
        for variable, text in sources.items():
            try:
                if len(text) > DEFINITIONS_BYTES_MAX:
                    self.faults.append(f"{variable}: more than {DEFINITIONS_BYTES_MAX} characters")
                    continue
                rows = enumerate(read_definitions(text))
                found += [(f"{variable}: /{at}", definition) for at, definition in rows]
            except InvalidDefinitions as invalid:
                self.faults += [f"{variable}: {fault.pointer or '(root)'}: {fault.message}" for fault in invalid.faults]
        names = [definition.name for _, definition in found]
        self.faults += [f"two providers are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
        return found

    def _generic(self, place: str, definition: GenericDefinition) -> None:
        base = self._base(f"{place}/base_url", definition.base_url)
        make_credentials = self._credentials(place, definition)
        policy = definition.provider_policy()
        adapter = GenericAdapter(definition)
        self.lines.append(lambda: _line(adapter, base, credentials=make_credentials(), policy=policy))

    def _credentials(self, place: str, definition: GenericDefinition) -> Callable[[], Credentials]:
        auth = definition.auth
        if auth.type is AuthType.NONE:
            return FixedCredentials
        if auth.secret not in self._area.secrets:
            self.faults.append(f"{place}/auth/secret: TIDEGATE_PROVIDERS_SECRETS has no {auth.secret}")
        secret = _shown(self._area.secrets.get(auth.secret or ""))
        if not (secret.isascii() and secret.isprintable()):
            self.faults.append(f"{place}/auth/secret: {auth.secret} holds what no header may")
        if auth.type is AuthType.BASIC:
            return lambda: FixedCredentials.basic(auth.username or "", secret)
        if auth.type is AuthType.BEARER:
            return lambda: FixedCredentials.bearer(secret)
        address = self._base(f"{place}/auth/token_url", auth.token_url or "")
        path = urlsplit(address).path
        base = address.removesuffix(path)
        grant = ClientGrant(path or "/", auth.client_id or "", secret, auth.scope or "", auth.audience or "")
        policy = definition.provider_policy()
        return lambda: ClientCredentials(grant, HttpTransport(base, policy), monotonic_ms=steady_ms)

    def _base(self, place: str, address: str) -> str:
        try:
            return checked_base(address, self._area.hosts_allowed)
        except UnfitAddress as unfit:
            self.faults.append(f"{place}: {unfit}")
            return address


def _policy(timeout_ms: int, *, cache_ttl_s: int, concurrency_max: int) -> ProviderPolicy:
    return ProviderPolicy(
        timeout_ms=timeout_ms,
        read_timeout_ms=timeout_ms,
        cache_ttl_s=cache_ttl_s,
        concurrency_max=concurrency_max,
    )


def _line(adapter: ProviderAdapter, base: str, *, credentials: Credentials, policy: ProviderPolicy) -> Line:
    return Line(adapter, HttpTransport(base, policy), credentials, policy)


def _shown(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
