"""deploy/compose.yaml: one machine, one network namespace, nothing in plain text beyond it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.deploy_tools import compose_services
from tidegate.settings import Settings, read_settings

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
FILE: Final = DEPLOY / "compose.yaml"
TEXT: Final = FILE.read_text(encoding="utf-8")
DOCUMENT: Final[Mapping[str, Any]] = yaml.safe_load(TEXT)
SERVICES: Final[Mapping[str, Any]] = DOCUMENT["services"]
OURS: Final = ("migrate", "gate-1", "gate-2", "office")
NAMES: Final = pytest.mark.parametrize("name", SERVICES)


@pytest.mark.servers
def test_compose_file_is_one_by_the_specification() -> None:
    """RE-375: the file is read by the specification of compose files."""
    merged = yaml.safe_dump({key: part for key, part in DOCUMENT.items() if not key.startswith("x-")})
    assert sorted(compose_services(merged)["services"]) == sorted(SERVICES)


@pytest.mark.servers
def test_compose_file_with_a_slip_is_refused() -> None:
    """The test above sees what it is there for."""
    assert "refused" in compose_services("services: {a: {image: b, helthcheck: {}}}")


@NAMES
def test_service_is_bounded_watched_and_of_a_named_version(name: str) -> None:
    """RE-375: every service has a limit of memory and CPU, a health check, no privileges, and a full version."""
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory"} <= limits.keys()
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["cap_drop"] == ["ALL"]
    assert re.search(r":v?\d+(\.\d+)+", service["image"]), service["image"]
    if name not in OURS:  # our image brings its own
        assert service["healthcheck"]["test"]


@NAMES
def test_service_is_reached_by_way_of_the_edge_alone(name: str) -> None:
    """RE-375: only the edge publishes ports, on loopback of the machine; all others live in its network namespace."""
    service = SERVICES[name]
    if name == "edge":
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    else:
        assert service["network_mode"] == "service:edge"
        assert "ports" not in service


def test_edge_ends_tls_on_everything_that_others_reach() -> None:
    """RE-375: what the edge listens on beyond loopback has TLS, and is what compose publishes."""
    edge = (DEPLOY / "edge" / "compose.cfg").read_text(encoding="utf-8")
    binds = re.findall(r"^\s+bind (\S+)(.*)$", edge, re.MULTILINE)
    outside = {address[1:]: options for address, options in binds if address.startswith(":")}
    assert all(" ssl crt /run/secrets/tls.crt " in options for options in outside.values())
    assert all(address.startswith((":", "127.0.0.1:")) for address, _ in binds)
    assert {port.rpartition(":")[2] for port in SERVICES["edge"]["ports"]} == outside.keys()


def test_secrets_come_from_a_folder_that_has_to_be_named() -> None:
    """RE-375: compose refuses to start without the folder of secrets; the file holds no secret and no default."""
    named = "${TIDEGATE_SECRETS_DIR:?"
    for name, secret in DOCUMENT["secrets"].items():
        assert secret["file"].startswith(named), name
        assert secret["file"].endswith(f"/{name}")
    assert {each for service in SERVICES.values() for each in service.get("secrets", ())} == DOCUMENT["secrets"].keys()
    variables = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert [name for name in variables if re.search("PASSWORD$|SECRET$|TOKEN$", name)] == []


def test_files_that_are_mounted_exist() -> None:
    """RE-375: what the services are given of this repository is there."""
    volumes = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    assert [volume for volume in volumes if volume.startswith(".") and not (DEPLOY / volume).exists()] == []
    assert {volume for volume in volumes if not volume.startswith(".")} == DOCUMENT["volumes"].keys()


def test_versions_of_servers_are_those_that_the_tests_run_on() -> None:
    """RE-375: Keycloak and the registry are of the versions that the product's own tests start."""
    tools = DEPLOY.parent / "tools" / "services"
    for name, file in (("keycloak", "keycloak.py"), ("registry", "registry.py")):
        version = SERVICES[name]["image"].partition(":")[2]
        assert f'"{version}"' in (tools / file).read_text(encoding="utf-8")
    kafka = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"kafka_2.13-{kafka}.jar" in (tools / "kafka_jars.sha256").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_settings_of_our_services_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-375: with the secrets, the settings of each process are taken by the profile prod."""
    settings = _settings(SERVICES[name]["environment"], monkeypatch)
    assert settings.profile == "prod"
    assert settings.shares_book


def test_every_process_of_ours_listens_where_the_edge_and_prometheus_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-375: processes, the edge's servers and Prometheus' targets have the same ports; all roles are served."""
    edge = (DEPLOY / "edge" / "compose.cfg").read_text(encoding="utf-8")
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    targets = {target for part in prometheus["scrape_configs"][0]["static_configs"] for target in part["targets"]}
    served = {name: _settings(SERVICES[name]["environment"], monkeypatch) for name in OURS if name != "migrate"}
    assert targets == {f"127.0.0.1:{settings.rest.port}" for settings in served.values()}
    assert {role for settings in served.values() for role in settings.serve.roles} == {
        "gate",
        "consumers",
        "relay",
        "desk",
        "admin",
    }
    for name, settings in served.items():
        at = (
            f"{settings.grpc.port} proto h2 check check-proto h1 port {settings.rest.port}"
            if "gate" in name
            else f"{settings.rest.port} check"
        )
        assert f"server {name} 127.0.0.1:{at}\n" in edge


def test_process_has_time_to_drain_before_it_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-375: a container is given the drain, and the 10 s in which a process ends, before it is killed."""
    for name in OURS:
        service = SERVICES[name]
        drain_s = _settings(service["environment"], monkeypatch).serve.drain_ms / 1_000
        assert int(service["stop_grace_period"].removesuffix("s")) >= drain_s + 10


def _settings(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    ours = {name: text for name, text in environment.items() if name.startswith("TIDEGATE_")}
    ours["TIDEGATE_POSTGRES_URL"] = "postgresql://tidegate:secret@127.0.0.1/tidegate"
    with monkeypatch.context() as patched:
        for name, text in ours.items():
            patched.setenv(name, text)
        return read_settings(ours)
