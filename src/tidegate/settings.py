"""Settings of the service, read once, by bootstrap only.

Environment variables ``TIDEGATE_<AREA>_<FIELD>``; units stand in the names; unknown names are refused; nothing secret
has a default. A URL chooses the technology; without it the embedded twin serves.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import KYC_MAX_LEVERAGE, GateSettings
from tidegate.usecases.pretrade.recording import Durability

PREFIX: Final = "TIDEGATE_"
TEST_NAMES: Final = frozenset({"TIDEGATE_SHARED", "TIDEGATE_FULL"})
"""Names that the test suites read; the service does not."""

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

_SETTLE_MS_MIN: Final = 20_000
"""A decision written up to 15 s after it was made is none that notes itself as late."""

_CONTEXT_PATH: Final = r"^context_data(\.[^.\s]+)+$"
_HEADER: Final = r"^[\x21-\x7e]{1,128}$"

Percent = Annotated[Decimal, Field(ge=0, lt=100)]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Profile(StrEnum):
    """``demo``: embedded, loopback only. ``prod``: nothing embedded that could lose or leak."""

    DEMO = "demo"
    PROD = "prod"


class GrpcAccess(StrEnum):
    """Who may call the gate: bearers of a token, or (loopback only) anyone."""

    TOKEN = "token"  # noqa: S105 - the name of a way in, no secret
    NONE = "none"


class RestArea(BaseModel):
    """Admin REST."""

    model_config = _FROZEN
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""


class GrpcArea(BaseModel):
    """The gRPC edge of the gate."""

    model_config = _FROZEN
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8081, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    access: GrpcAccess = GrpcAccess.NONE
    """Who may call; ``none`` is allowed on loopback alone."""


class PostgresArea(BaseModel):
    """PostgreSQL."""

    model_config = _FROZEN
    url: str | None = Field(None, min_length=1, repr=False)
    """``postgresql://...``; without it the embedded server runs in the data folder."""
    pool_max: int = Field(8, ge=2, le=100)
    """Connections at most."""


class DataArea(BaseModel):
    """Where the embedded parts keep their files."""

    model_config = _FROZEN
    dir: Path = Path("/var/lib/tidegate")
    """A folder of its own."""


class OidcArea(BaseModel):
    """Whose tokens are taken."""

    model_config = _FROZEN
    issuer: str | None = Field(None, min_length=1)
    """The issuer's URL (http on loopback only); without it the tiny issuer serves, which ``prod`` refuses."""
    audience: str = Field("tidegate", min_length=1)
    """Our name in ``aud``."""


class TopicsArea(BaseModel):
    """Names of topics."""

    model_config = _FROZEN
    suffix: str = Field("dev", pattern=r"^[a-z0-9-]{1,32}$")
    """Environment at the end of every topic name."""


class RetentionArea(BaseModel):
    """How long things are kept that nothing of ours reads again."""

    model_config = _FROZEN
    out_days: int = Field(7, ge=1, le=3_650)
    """Days for which the embedded bus keeps what was sent on the risk.* topics."""


class AuditArea(BaseModel):
    """The audit chain over what was decided; see docs/audit.md."""

    model_config = _FROZEN
    key_file: Path | None = None
    """PEM file of the Ed25519 key that signs heads; ``prod`` wants one, ``demo`` makes one in the data folder."""
    settle_ms: Milliseconds = 30_000
    """Age at which a row is sealed, ms; longer than any write of ours may take, clocks of replicas included."""
    every_ms: int = Field(2_000, ge=10, le=3_600_000)
    """Time between two rounds of sealing, ms."""


class GateArea(BaseModel):
    """The order gate; see ``core/pretrade/settings.py`` for what each limit means. 0 turns a count off."""

    model_config = _FROZEN
    durability: Durability = Durability.JOURNAL
    """``journal``: an answer is durable before it is told. ``relaxed``: within 50 ms of it."""
    queue_max: int = Field(4_096, ge=1, le=1_000_000)
    """Orders that may wait; beyond that callers are told to come back."""
    batch_max: int = Field(256, ge=1, le=10_000)
    """Orders decided at once."""
    mark_age_ms_max: Milliseconds = 5_000
    account_feed_lag_ms_max: Milliseconds = 5_000
    exposure_age_ms_max: Milliseconds = 60_000
    config_age_ms_max: Milliseconds = 10_000
    kyc_min_level_spot: KycLevel = KycLevel.L0
    kyc_min_level_derivatives: KycLevel = KycLevel.L1
    kyc_max_leverage: Mapping[KycLevel, Annotated[Decimal, Field(ge=1)]] = KYC_MAX_LEVERAGE
    market_slippage_pct: Percent = Decimal("0.5")
    liquidation_warn_ratio: Decimal = Field(Decimal("0.8"), gt=0, le=1)
    margin_call_ratio: Decimal | None = Field(None, gt=0)
    margin_call_cooldown_s: int = Field(3_600, ge=0)
    orders_per_second_max: Count = 0
    open_orders_max: Count = 0
    open_orders_per_symbol_max: Count = 0
    duplicate_window_ms: Milliseconds = 0
    repeat_max: Count = 0
    repeat_window_ms: Milliseconds = 0
    reservation_ttl_ms: int = Field(30_000, ge=100, le=3_600_000)

    @model_validator(mode="after")
    def _relations(self) -> "GateArea":
        if self.batch_max > self.queue_max:
            raise ValueError("batch_max must not be above queue_max")
        if self.repeat_max and not self.repeat_window_ms:
            raise ValueError("repeat_max needs a repeat_window_ms")
        return self

    def limits(self) -> GateSettings:
        """Give the limits that decisions read."""
        chosen = self.model_dump(include=set(GateSettings.__dataclass_fields__) & set(type(self).model_fields))
        chosen["kyc_max_leverage"] = {**KYC_MAX_LEVERAGE, **self.kyc_max_leverage}
        return GateSettings(**chosen)


class DeskArea(BaseModel):
    """The assessment desk."""

    model_config = _FROZEN
    provider_budget_ms: int = Field(2_000, ge=1, le=60_000)
    """Time that all outside calls of a request have together, ms."""
    duplicate_window: timedelta = Field(timedelta(hours=24), ge=timedelta(0), le=timedelta(days=366))
    """Time for which the same request is answered with what was recorded, and an idempotency key is kept; ISO 8601."""
    in_progress_timeout: timedelta = Field(timedelta(seconds=5), ge=timedelta(milliseconds=100), le=timedelta(hours=1))
    """Time after which an evaluation that has not ended counts as abandoned and is taken over; ISO 8601."""
    pool_max: int = Field(8, ge=2, le=100)
    """Connections of the desk at most, beside those of the gate."""

    @model_validator(mode="after")
    def _relations(self) -> "DeskArea":
        if self.in_progress_timeout <= timedelta(milliseconds=self.provider_budget_ms):
            raise ValueError("in_progress_timeout must be above provider_budget_ms")
        return self


class ProvidersArea(BaseModel):
    """Outside data providers in general, and those that a definition describes; see docs/providers.md."""

    model_config = _FROZEN
    hosts_allowed: tuple[str, ...] = ("www.zefix.admin.ch",)
    """Hosts that a provider's URL may name, as a JSON list (``name`` or ``name:port``); loopback may be named too."""
    generic: str | None = Field(None, min_length=1)
    """Definitions of further providers (SST, say), as a JSON list."""
    generic_file: Path | None = None
    """A file that holds such definitions; read at the start."""
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict, repr=False)
    """Secrets that definitions name, as a JSON object of texts by name."""


class ZefixArea(BaseModel):
    """Zefix, the Swiss register of companies; without a URL it is not asked."""

    model_config = _FROZEN
    url: str | None = Field(None, min_length=1)
    """Base URL, https beyond loopback; its host must be allowed."""
    username: str | None = Field(None, min_length=1)
    """User name (Basic)."""
    password: SecretStr | None = Field(None, min_length=1)
    """Password (Basic)."""
    uid_field: str = Field("context_data.uid", pattern=_CONTEXT_PATH)
    """Where in a request the UID is, for rules that name no place."""
    name_field: str = Field("context_data.company_name", pattern=_CONTEXT_PATH)
    """Where the name is, for requests without a UID."""
    timeout_ms: int = Field(1_800, ge=1, le=60_000)
    """Time for an answer, with its repeat, ms."""
    cache_ttl_s: int = Field(3_600, ge=0, le=2_592_000)
    """Time for which an answer is kept, s; 0: not at all."""
    concurrency_max: int = Field(16, ge=1, le=1_000)
    """Requests at once."""

    @model_validator(mode="after")
    def _relations(self) -> "ZefixArea":
        if self.url is not None and (self.username is None or self.password is None):
            raise ValueError("a url needs a username and a password")
        return self


class CrifArea(BaseModel):
    """CRIF's credit reports on persons, billed; without a URL it is not asked."""

    model_config = _FROZEN
    url: str | None = Field(None, min_length=1)
    """Base URL, up to before ``/reports``, https beyond loopback; its host must be allowed."""
    username: str | None = Field(None, min_length=1)
    """User name (Basic)."""
    password: SecretStr | None = Field(None, min_length=1)
    """Password (Basic)."""
    api_version: str = Field("1.0", pattern=_HEADER)
    """Header ``api-version``."""
    end_user_id: str | None = Field(None, pattern=_HEADER)
    """Header ``end-user-id``."""
    cost_group_id: str | None = Field(None, pattern=_HEADER)
    """Header ``cost-group-id``."""
    report_type: str = Field("CREDIT_CHECK_CONSUMER", pattern=_HEADER)
    """``reportType`` of the order."""
    cost_micros: int = Field(0, ge=0, le=1_000_000_000_000)
    """Price of a report, millionths of the currency unit."""
    timeout_ms: int = Field(1_900, ge=1, le=60_000)
    """Time for an answer, ms; there is no repeat."""
    cache_ttl_s: int = Field(0, ge=0, le=2_592_000)
    """Time for which a report is kept and not paid for again, s; 0: not at all."""
    concurrency_max: int = Field(16, ge=1, le=1_000)
    """Requests at once."""

    @model_validator(mode="after")
    def _relations(self) -> "CrifArea":
        needed = (self.username, self.password, self.end_user_id, self.cost_group_id)
        if self.url is not None and None in needed:
            raise ValueError("a url needs a username, a password, an end_user_id and a cost_group_id")
        return self


class Settings(BaseSettings):
    """All settings, by area."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, frozen=True, extra="forbid"
    )
    profile: Profile = Profile.DEMO
    rest: RestArea = RestArea()
    grpc: GrpcArea = GrpcArea()
    postgres: PostgresArea = PostgresArea()
    data: DataArea = DataArea()  # tidy: allow-vague-name - the command line calls the folder --data
    oidc: OidcArea = OidcArea()
    topics: TopicsArea = TopicsArea()
    retention: RetentionArea = RetentionArea()
    audit: AuditArea = AuditArea()
    gate: GateArea = GateArea()
    desk: DeskArea = DeskArea()
    providers: ProvidersArea = ProvidersArea()
    zefix: ZefixArea = ZefixArea()
    crif: CrifArea = CrifArea()

    @model_validator(mode="after")
    def _relations(self) -> "Settings":
        exposed = not (_is_loopback(self.grpc.host) and _is_loopback(self.rest.host))
        if self.grpc.access is GrpcAccess.NONE and not _is_loopback(self.grpc.host):
            raise ValueError("grpc.access none is allowed on loopback alone: set grpc.access to token")
        if exposed and self.profile is Profile.DEMO:
            raise ValueError("profile demo listens on loopback alone")
        if exposed:
            raise ValueError("plaintext beyond loopback is refused: listen on loopback, behind what ends TLS")
        if self.profile is Profile.PROD and self.oidc.issuer is None:
            raise ValueError("profile prod refuses the tiny issuer: set oidc.issuer")
        if self.profile is Profile.PROD and self.grpc.access is GrpcAccess.NONE:
            raise ValueError("profile prod wants tokens: set grpc.access to token")
        if self.profile is Profile.PROD and self.audit.key_file is None:
            raise ValueError("profile prod wants a key that signs audit heads: set audit.key_file")
        if self.profile is Profile.PROD and self.audit.settle_ms < _SETTLE_MS_MIN:
            raise ValueError(f"profile prod wants an audit.settle_ms of {_SETTLE_MS_MIN} at least")
        issuer = self.oidc.issuer
        if issuer is not None and not issuer.startswith("https://") and not _loopback_url(issuer):
            raise ValueError("oidc.issuer must be https beyond loopback")
        return self


class UnreadableSettings(ValueError):
    """Settings that are not right; ``faults`` says each in one line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def read_settings(
    environment: Iterable[str], overrides: Mapping[str, object] | None = None, *, factory: type[Settings] = Settings
) -> Settings:
    """Read settings from the process's environment; ``overrides`` (by area) come from the command line and win.

    ``environment`` names the variables that are set, so that an unknown one is refused and not passed over.

    Raises:
        UnreadableSettings: naming every variable that is unknown or not right, and every relation that is broken.
    """
    known = set(setting_names())
    faults = [
        f"{name} is not a setting"
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known and name not in TEST_NAMES
    ]
    try:
        settings = factory(**(overrides or {}))  # type: ignore[arg-type]  # areas by name, checked by pydantic
    except ValidationError as refused:
        faults += [_told(error["loc"], str(error["msg"])) for error in refused.errors()]
        raise UnreadableSettings(faults) from None
    except SettingsError as refused:
        raise UnreadableSettings([*faults, str(refused)]) from None
    if faults:
        raise UnreadableSettings(faults)
    return settings


def setting_names() -> Iterator[str]:
    """Give the names of all variables."""
    for area, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        if inner is None:
            yield f"{PREFIX}{area}".upper()
        else:
            yield from (f"{PREFIX}{area}_{name}".upper() for name in inner)


def _told(place: tuple[int | str, ...], message: str) -> str:
    name = PREFIX + "_".join(str(part) for part in place).upper() if place else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _loopback_url(url: str) -> bool:
    rest = url.removeprefix("http://")
    host = rest.split("/", 1)[0].rsplit(":", 1)[0].strip("[]")
    return rest != url and _is_loopback(host)
