"""The areas of the servers around the service, and of the part of the work that one process does.

A server that is not named has an embedded twin, or is done without.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from tidegate.settings.bounds import FROZEN, Url

_ADDRESS: Final = r"([^\s:,/\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}"


class RedisArea(BaseModel):
    """Redis, which holds the account book that many replicas share; without a URL each process keeps its own."""

    model_config = FROZEN
    url: Url | None = Field(None, pattern=r"^(rediss?|unix)://", repr=False)
    """``redis://...``, with TLS ``rediss://...``; without it the book is in memory and one process serves the gate."""
    cluster: bool = False
    """Whether the URL leads to a Redis Cluster."""
    timeout_ms: int = Field(250, ge=1, le=10_000)
    """Time for an answer, ms; beyond it the account book counts as not answering."""


class SecurityProtocol(StrEnum):
    """How the brokers are spoken to; the names are Kafka's."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How the brokers learn who we are; the names are Kafka's."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class KafkaArea(BaseModel):
    """Kafka, over which events come and go; without brokers they are rows in PostgreSQL."""

    model_config = FROZEN
    bootstrap: str | None = Field(None, pattern=rf"^{_ADDRESS}(,{_ADDRESS})*$")
    """Brokers to ask first, as ``HOST:PORT,HOST:PORT``; without them the bus is in PostgreSQL."""
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    """How they are spoken to."""
    ssl_ca_file: Path | None = None
    """PEM file of the authority that signed their certificates; without it, those of the system."""
    sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    """How they learn who we are, with a SASL protocol."""
    username: str | None = Field(None, min_length=1)
    """User name (SASL)."""
    password: SecretStr | None = Field(None, min_length=1)
    """Password (SASL)."""
    partitions: int = Field(12, ge=1, le=10_000)
    """Partitions of a topic that we have to make."""
    replication: int = Field(1, ge=1, le=32)
    """Copies of a topic that we have to make."""
    group: str = Field("tidegate.state", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """Group in which the replicas share the account topics."""

    @model_validator(mode="after")
    def _relations(self) -> "KafkaArea":
        with_tls = self.security_protocol in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)
        with_sasl = self.security_protocol in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)
        if self.ssl_ca_file is not None and not with_tls:
            raise ValueError("ssl_ca_file needs security_protocol SSL or SASL_SSL")
        if with_sasl and (self.username is None or self.password is None):
            raise ValueError("a SASL protocol needs a username and a password")
        return self


class SchemaRegistryArea(BaseModel):
    """The registry of Avro schemas; without it records name their schema by its fingerprint."""

    model_config = FROZEN
    url: Url | None = Field(None, pattern=r"^https?://", repr=False)
    """Base URL of a registry that speaks Confluent's protocol."""


class _UpstreamArea(BaseModel):
    """What is set for each upstream service."""

    model_config = FROZEN
    grpc: str | None = Field(None, pattern=rf"^{_ADDRESS}$")
    """``HOST:PORT``; without it the service is not asked."""
    deadline_ms: int = Field(150, ge=1, le=10_000)
    """Time for an answer in the path of an order, ms."""
    page_deadline_ms: int = Field(5_000, ge=1, le=60_000)
    """Time for a page of a listing at the start, ms."""
    tls_ca_file: Path | None = None
    """PEM file of the authority that signed its certificate; without it, those of the system, or on loopback no TLS."""


class WalletArea(_UpstreamArea):
    """Wallet, which knows balances."""


class PositionArea(_UpstreamArea):
    """Position, which knows positions and open orders."""


class MetadataArea(_UpstreamArea):
    """Metadata, which knows instruments."""


class TracingArea(BaseModel):
    """Traces (OpenTelemetry)."""

    model_config = FROZEN
    otlp_endpoint: Url | None = Field(None, pattern=r"^https?://")
    """Where spans are sent to (OTLP over gRPC); without it there are none."""
    sample_ratio: float = Field(0.01, ge=0, le=1)
    """Share of requests that are traced, of those that come without a decision of their caller about it."""


class Role(StrEnum):
    """A part of the work that a process may take; see docs/operations.md."""

    GATE = "gate"
    DESK = "desk"
    ADMIN = "admin"
    CONSOLE = "console"
    RELAY = "relay"
    CONSUMERS = "consumers"


def _named_roles(given: object) -> object:
    return tuple(name.strip() for name in given.split(",")) if isinstance(given, str) else given


class ServeArea(BaseModel):
    """What a process does, and how many of them."""

    model_config = FROZEN
    roles: Annotated[tuple[Role, ...], NoDecode, BeforeValidator(_named_roles)] = tuple(Role)
    """Parts of the work, as ``gate,consumers``; all by default."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that share the addresses."""
    drain_ms: int = Field(0, ge=0, le=60_000)
    """Time between saying that it ends (readiness, gRPC health) and taking no more calls, ms; let balancers see it."""

    @property
    def with_accounts(self) -> bool:
        """Whether the process holds accounts: it decides orders, or applies what is told of them."""
        return Role.GATE in self.roles or Role.CONSUMERS in self.roles
