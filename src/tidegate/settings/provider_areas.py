"""The areas of outside data providers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, SecretStr, model_validator

from tidegate.settings.bounds import FROZEN

_CONTEXT_PATH: Final = r"^context_data(\.[^.\s]+)+$"
_HEADER: Final = r"^[\x21-\x7e]{1,128}$"


class ProvidersArea(BaseModel):
    """Outside data providers in general, and those that a definition describes; see docs/providers.md."""

    model_config = FROZEN
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

    model_config = FROZEN
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

    model_config = FROZEN
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
