"""All settings together, and what must hold between areas."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tidegate.settings.areas import (
    AuditArea,
    DataArea,
    DeskArea,
    GateArea,
    GrpcAccess,
    GrpcArea,
    OidcArea,
    PostgresArea,
    RestArea,
    RetentionArea,
    TopicsArea,
)
from tidegate.settings.bounds import is_loopback, is_loopback_url
from tidegate.settings.provider_areas import CrifArea, ProvidersArea, ZefixArea
from tidegate.settings.server_areas import (
    KafkaArea,
    MetadataArea,
    PositionArea,
    RedisArea,
    Role,
    SchemaRegistryArea,
    SecurityProtocol,
    ServeArea,
    TracingArea,
    WalletArea,
)

PREFIX: Final = "TIDEGATE_"

_SETTLE_MS_MIN: Final = 20_000
"""A decision written up to 15 s after it was made is none that notes itself as late."""


class Profile(StrEnum):
    """``demo``: embedded, loopback only. ``prod``: nothing embedded that could lose or leak."""

    DEMO = "demo"
    PROD = "prod"


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
    redis: RedisArea = RedisArea()
    kafka: KafkaArea = KafkaArea()
    schema_registry: SchemaRegistryArea = SchemaRegistryArea()
    wallet: WalletArea = WalletArea()
    position: PositionArea = PositionArea()
    metadata: MetadataArea = MetadataArea()
    tracing: TracingArea = TracingArea()
    serve: ServeArea = ServeArea()

    @property
    def shares_book(self) -> bool:
        """Whether many processes may serve the gate: the account book is in Redis and it is fed by Kafka."""
        return self.redis.url is not None and self.kafka.bootstrap is not None

    @model_validator(mode="after")
    def _relations(self) -> "Settings":
        for broken in (*self._open_doors(), *self._roles_apart(), *(self._not_for_prod() if self._prod else ())):
            raise ValueError(broken)
        return self

    @property
    def _prod(self) -> bool:
        return self.profile is Profile.PROD

    def _open_doors(self) -> Iterator[str]:
        """Say where the service would be reached, or would trust, beyond this machine without protection."""
        exposed = not (is_loopback(self.grpc.host) and is_loopback(self.rest.host))
        if self.grpc.access is GrpcAccess.NONE and not is_loopback(self.grpc.host):
            yield "grpc.access none is allowed on loopback alone: set grpc.access to token"
        if exposed and not self._prod:
            yield "profile demo listens on loopback alone"
        if exposed:
            yield "plaintext beyond loopback is refused: listen on loopback, behind what ends TLS"
        issuer = self.oidc.issuer
        if issuer is not None and _is_plain(issuer):
            yield "oidc.issuer must be https beyond loopback"

    def _roles_apart(self) -> Iterator[str]:
        """Say what cannot be done by several processes, or by processes apart."""
        serve = self.serve
        if not self.shares_book and serve.with_accounts and not {Role.GATE, Role.CONSUMERS} <= {*serve.roles}:
            yield (
                "serve.roles gate and consumers go together unless the account book is shared: set redis.url and "
                "kafka.bootstrap"
            )
        if not self.shares_book and serve.with_accounts and serve.workers > 1:
            yield "serve.workers above 1 with role gate wants a shared account book: set redis.url and kafka.bootstrap"
        if serve.workers > 1 and self.postgres.url is None:
            yield "serve.workers above 1 wants a PostgreSQL of its own: set postgres.url"
        if self.schema_registry.url is not None and self.kafka.bootstrap is None:
            yield "schema_registry.url is for Kafka: set kafka.bootstrap"

    def _not_for_prod(self) -> Iterator[str]:
        """Say what could lose or leak."""
        if self.oidc.issuer is None:
            yield "profile prod refuses the tiny issuer: set oidc.issuer"
        if self.grpc.access is GrpcAccess.NONE:
            yield "profile prod wants tokens: set grpc.access to token"
        if self.audit.key_file is None:
            yield "profile prod wants a key that signs audit heads: set audit.key_file"
        if self.audit.settle_ms < _SETTLE_MS_MIN:
            yield f"profile prod wants an audit.settle_ms of {_SETTLE_MS_MIN} at least"
        if self.redis.url is not None and self.redis.url.startswith("redis:") and not is_loopback_url(self.redis.url):
            yield "profile prod refuses plaintext beyond loopback: redis.url must be rediss://"
        open_protocols = (SecurityProtocol.PLAINTEXT, SecurityProtocol.SASL_PLAINTEXT)
        if self.kafka.security_protocol in open_protocols and not _all_loopback(self.kafka.bootstrap):
            yield "profile prod refuses plaintext beyond loopback: set kafka.security_protocol to SSL or SASL_SSL"
        for name, url in (
            ("schema_registry.url", self.schema_registry.url),
            ("tracing.otlp_endpoint", self.tracing.otlp_endpoint),
        ):
            if url is not None and _is_plain(url):
                yield f"profile prod refuses plaintext beyond loopback: {name} must be https"


def _is_plain(url: str) -> bool:
    """Tell whether a URL is neither https nor http on this machine."""
    return not url.startswith("https://") and not (url.startswith("http://") and is_loopback_url(url))


def _all_loopback(bootstrap: str | None) -> bool:
    brokers = () if bootstrap is None else bootstrap.split(",")
    return all(is_loopback(broker.rpartition(":")[0].strip("[]")) for broker in brokers)
