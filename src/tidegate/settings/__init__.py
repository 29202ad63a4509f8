"""Settings of the service, read once, by bootstrap only.

Environment variables ``TIDEGATE_<AREA>_<FIELD>``; units stand in the names; unknown names are refused; nothing secret
has a default. A URL chooses the technology; without it the embedded twin serves.
"""

from tidegate.settings.areas import DataArea, DeskArea, GateArea, GrpcAccess, GrpcArea, OidcArea, PostgresArea, RestArea
from tidegate.settings.provider_areas import CrifArea, ProvidersArea, ZefixArea
from tidegate.settings.reading import TEST_NAMES, UnreadableSettings, read_settings, setting_names
from tidegate.settings.root import PREFIX, Profile, Settings
from tidegate.settings.server_areas import (
    KafkaArea,
    MetadataArea,
    PositionArea,
    RedisArea,
    Role,
    SaslMechanism,
    SchemaRegistryArea,
    SecurityProtocol,
    ServeArea,
    TracingArea,
    WalletArea,
)

__all__ = [
    "PREFIX",
    "TEST_NAMES",
    "CrifArea",
    "DataArea",
    "DeskArea",
    "GateArea",
    "GrpcAccess",
    "GrpcArea",
    "KafkaArea",
    "MetadataArea",
    "OidcArea",
    "PositionArea",
    "PostgresArea",
    "Profile",
    "ProvidersArea",
    "RedisArea",
    "RestArea",
    "Role",
    "SaslMechanism",
    "SchemaRegistryArea",
    "SecurityProtocol",
    "ServeArea",
    "Settings",
    "TracingArea",
    "UnreadableSettings",
    "WalletArea",
    "ZefixArea",
    "read_settings",
    "setting_names",
]
