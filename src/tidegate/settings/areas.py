"""The areas of what the service itself does: where it listens and stores, whose tokens it takes, how it decides."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import KYC_MAX_LEVERAGE, GateSettings
from tidegate.settings.bounds import FROZEN, Count, Milliseconds, Percent
from tidegate.usecases.pretrade.recording import Durability


class GrpcAccess(StrEnum):
    """Who may call the gate: bearers of a token, or (loopback only) anyone."""

    TOKEN = "token"  # noqa: S105 - the name of a way in, no secret
    NONE = "none"


class RestArea(BaseModel):
    """Admin REST."""

    model_config = FROZEN
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""


class GrpcArea(BaseModel):
    """The gRPC edge of the gate."""

    model_config = FROZEN
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8081, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    access: GrpcAccess = GrpcAccess.NONE
    """Who may call; ``none`` is allowed on loopback alone."""
    connection_age_ms: int = Field(0, ge=0, le=86_400_000)
    """Age at which a caller is asked to connect anew, ms, and so comes to another replica; give ``serve.drain_ms`` a
    quarter more, and no call is cut off by a restart. 0: connections stay."""


class PostgresArea(BaseModel):
    """PostgreSQL."""

    model_config = FROZEN
    url: str | None = Field(None, min_length=1, repr=False)
    """``postgresql://...``; without it the embedded server runs in the data folder."""
    pool_max: int = Field(8, ge=2, le=100)
    """Connections at most."""


class DataArea(BaseModel):
    """Where the embedded parts keep their files."""

    model_config = FROZEN
    dir: Path = Path("/var/lib/tidegate")
    """A folder of its own."""


class OidcArea(BaseModel):
    """Whose tokens are taken."""

    model_config = FROZEN
    issuer: str | None = Field(None, min_length=1)
    """The issuer's URL (http on loopback only); without it the tiny issuer serves, which ``prod`` refuses."""
    audience: str = Field("tidegate", min_length=1)
    """Our name in ``aud``."""


class TopicsArea(BaseModel):
    """Names of topics."""

    model_config = FROZEN
    suffix: str = Field("dev", pattern=r"^[a-z0-9-]{1,32}$")
    """Environment at the end of every topic name."""


class RetentionArea(BaseModel):
    """How long things are kept that nothing of ours reads again."""

    model_config = FROZEN
    out_days: int = Field(7, ge=1, le=3_650)
    """Days for which the embedded bus keeps what was sent on the risk.* topics."""


class AuditArea(BaseModel):
    """The audit chain over what was decided; see docs/audit.md."""

    model_config = FROZEN
    key_file: Path | None = None
    """PEM file of the Ed25519 key that signs heads; ``prod`` wants one, ``demo`` makes one in the data folder."""
    settle_ms: Milliseconds = 30_000
    """Age at which a row is sealed, ms; longer than any write of ours may take, clocks of replicas included."""
    every_ms: int = Field(2_000, ge=10, le=3_600_000)
    """Time between two rounds of sealing, ms."""


class GateArea(BaseModel):
    """The order gate; see ``core/pretrade/settings.py`` for what each limit means. 0 turns a count off."""

    model_config = FROZEN
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

    model_config = FROZEN
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
