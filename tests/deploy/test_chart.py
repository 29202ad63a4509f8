"""The Helm chart, rendered and linted by Helm's own library and held to the schemas of Kubernetes."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.deploy_tools import kubernetes_faults, rendered_chart
from tidegate.settings import Role, read_settings, setting_names

pytestmark = pytest.mark.servers

CHART: Final = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "tidegate"
KUBERNETES: Final = ("1.29", "1.37")
CUSTOM: Final = ("ServiceMonitor", "PrometheusRule")
LEAST: Final[Mapping[str, Any]] = {
    "secret": "risk",
    "tls": {"secret": "risk-tls"},
    "settings": {
        "TIDEGATE_OIDC_ISSUER": "https://id.example.com/realms/tidegate",
        "TIDEGATE_KAFKA_BOOTSTRAP": "kafka-1.example.com:9093",
    },
}
FULL: Final[Mapping[str, Any]] = {
    **LEAST,
    "image": {"tag": "1.2.3", "pullSecrets": ["one", "two"]},
    "tls": {"secret": "risk-tls", "trust": "authorities"},
    "monitoring": {
        "serviceMonitor": True,
        "prometheusRule": True,
        "dashboards": True,
        "labels": {"release": "prometheus"},
        "caSecret": "authority",
    },
    "networkPolicy": {
        "grpcFrom": [{"namespaceSelector": {"matchLabels": {"team": "matching"}}}],
        "restFrom": [{"podSelector": {"matchLabels": {"app": "back-office"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}],
    },
    "podAnnotations": {"example.com/owner": "risk"},
    "serviceAccount": {"annotations": {"example.com/role": "risk"}},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "risk", "operator": "Exists"}],
}


class Rendered:
    """The objects that a set of values makes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        answer = rendered_chart(CHART, values)
        assert "refused" not in answer, answer["refused"]
        self.findings = [each for each in answer["findings"] if "icon is recommended" not in str(each)]
        texts = [text for path, text in answer["files"].items() if path.endswith(".yaml")]
        self.objects = [each for text in texts for each in yaml.safe_load_all(text) if each is not None]

    def of_kind(self, kind: str) -> dict[str, Any]:
        """Give the objects of a kind by name."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def pods(self) -> Iterator[tuple[str, Any]]:
        """Go through the pods that are made, by name of what makes them."""
        for kind in ("Deployment", "Job"):
            for name, each in self.of_kind(kind).items():
                yield name, each["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def least() -> Rendered:
    """What the values that must be given make."""
    return Rendered(LEAST)


@pytest.fixture(scope="module")
def full() -> Rendered:
    """What is made with everything that can be chosen."""
    return Rendered(FULL)


def _container(pod: Mapping[str, Any], name: str = "tidegate") -> Any:  # noqa: ANN401 - YAML
    return next(each for each in pod["containers"] if each["name"] == name)


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


@pytest.mark.parametrize("version", KUBERNETES)
def test_chart_renders_what_kubernetes_takes(least: Rendered, full: Rendered, version: str) -> None:
    """RE-376: with the least values and with all, Helm finds nothing and Kubernetes' schemas take every object."""
    for rendered in (least, full):
        assert rendered.findings == []
        known = [each for each in rendered.objects if each["kind"] not in CUSTOM]
        assert kubernetes_faults(known, version) == []


def test_object_with_a_slip_is_found(least: Rendered) -> None:
    """The test above sees what it is there for."""
    spoilt = copy.deepcopy(least.of_kind("Deployment")["risk-gate"])
    spoilt["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    assert len(kubernetes_faults([spoilt], KUBERNETES[0])) == 1


REFUSED: Final = (
    # values changed                                                  what the refusal names
    ({"secret": ""}, "/secret"),
    ({"tls": {"secret": ""}}, "/tls/secret"),
    ({"settings": {"TIDEGATE_OIDC_ISSUER": "http://id.example.com"}}, "/settings/TIDEGATE_OIDC_ISSUER"),
    ({"settings": {"TIDEGATE_POSTGRES_URL": "postgresql://u:p@h/n"}}, "TIDEGATE_POSTGRES_URL"),
    ({"settings": {"TIDEGATE_KAFKA_PASSWORD": "p"}}, "TIDEGATE_KAFKA_PASSWORD"),
    ({"settings": {"TIDEGATE_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}}, "TIDEGATE_KAFKA_SECURITY_PROTOCOL"),
    ({"settings": {"TIDEGATE_REST_HOST": "0.0.0.0"}}, "TIDEGATE_REST_HOST"),
    ({"settings": {"TIDEGATE_PROFILE": "demo"}}, "TIDEGATE_PROFILE"),
    ({"settings": {"TIDEGATE_GATE_QUEUE_MAX": 9}}, "TIDEGATE_GATE_QUEUE_MAX"),
    ({"image": {"tag": "latest"}}, "/image/tag"),
    ({"replicas": 3}, "replicas"),
    ({"drainMs": -1}, "/drainMs"),
    ({"roles": {"gate": {"replicas": 0}}}, "/roles/gate/replicas"),
    ({"roles": {"gate": {"roles": ["gates"]}}}, "/roles/gate/roles"),
    ({"roles": {"gate": {"resources": {"limits": None}}}}, "/roles/gate/resources"),
)


@pytest.mark.parametrize(("change", "named"), REFUSED, ids=[json.dumps(change) for change, _ in REFUSED])
def test_values_that_are_not_right_are_refused_by_name(change: Mapping[str, Any], named: str) -> None:
    """RE-377: a value that is missing, unknown or not safe is refused, and named."""
    values = {**LEAST, **change}
    if "settings" in change:
        values["settings"] = {**LEAST["settings"], **change["settings"]}
    answer = rendered_chart(CHART, values)
    assert named in answer["refused"]


def test_defaults_alone_are_refused() -> None:
    """RE-377: nothing secret, and no address, has a default."""
    refused = rendered_chart(CHART, {})["refused"]
    assert all(
        name in refused for name in ("/secret", "/tls/secret", "TIDEGATE_OIDC_ISSUER", "TIDEGATE_KAFKA_BOOTSTRAP")
    )


def test_every_role_has_its_deployment_service_and_disruption_budget(least: Rendered) -> None:
    """RE-378: each role that is served stands for itself; what scales by itself has no fixed number."""
    names = {f"risk-{role}" for role in ("gate", "consumers", "relay", "desk", "admin")}
    assert least.of_kind("Deployment").keys() == names
    assert least.of_kind("Service").keys() == names
    assert least.of_kind("PodDisruptionBudget").keys() == names
    scaled = least.of_kind("HorizontalPodAutoscaler").keys()
    assert scaled == {"risk-gate", "risk-desk"}
    for name, each in least.of_kind("Deployment").items():
        assert ("replicas" in each["spec"]) == (name not in scaled)
    served = {role for _, pod in least.pods() for role in _roles(pod)}
    assert served == {str(role) for role in Role} - {"console"}


def _roles(pod: Mapping[str, Any]) -> list[str]:
    return [
        role
        for container in pod["containers"]
        for each in container.get("env", ())
        if each["name"] == "TIDEGATE_SERVE_ROLES"
        for role in each["value"].split(",")
    ]


def test_settings_of_every_pod_are_taken(full: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    """RE-378: with its secrets, what a pod is given are settings of the profile prod that are taken as they are."""
    for name, pod in full.pods():
        container = _container(pod, "migrate" if name.endswith("migrate") else "tidegate")
        given = {key: text for key, text in _environment(container).items() if key.startswith("TIDEGATE_")}
        given |= {
            "TIDEGATE_POSTGRES_URL": "postgresql://u:p@db.example.com/n",
            "TIDEGATE_REDIS_URL": "rediss://r.example.com",
        }
        assert given.keys() <= set(setting_names())
        with monkeypatch.context() as patched:
            for key, text in given.items():
                patched.setenv(key, text)
            assert read_settings(given).shares_book


def test_pods_run_as_nobody_and_keep_nothing(full: Rendered) -> None:
    """RE-379: no root, no privilege, nothing written but to scratch, no token of the cluster, secrets by reference."""
    for _, pod in full.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            assert re.search(r":.*\d", container["image"])
        secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        assert secrets[0] == "risk"
        assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {
            "secret",
            "emptyDir",
            "configMap",
        }


def test_pod_is_probed_by_way_of_its_edge(least: Rendered) -> None:
    """RE-379: alive is /healthz, ready is /readyz, both over TLS, for the service itself listens on loopback alone."""
    for name in least.of_kind("Deployment"):
        container = _container(dict(least.pods())[name])
        probes = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert all((probe["port"], probe["scheme"]) == (8443, "HTTPS") for probe in probes.values())
        assert [probe["path"] for probe in probes.values()] == ["/healthz", "/healthz", "/readyz"]
        given = _environment(container)
        assert not given.keys() & {
            "TIDEGATE_REST_HOST",
            "TIDEGATE_GRPC_HOST",
            "TIDEGATE_REST_PORT",
            "TIDEGATE_GRPC_PORT",
        }


@pytest.mark.parametrize("drain_ms", [0, 8_000, 60_000])
def test_rolling_update_takes_no_replica_away_before_another_is_there(drain_ms: int) -> None:
    """RE-379: one more at a time and none less; the edge outlives half the drain, the pod all of it and 10 s more."""
    rendered = Rendered({**LEAST, "drainMs": drain_ms})
    for each in rendered.of_kind("Deployment").values():
        assert each["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        pod = each["spec"]["template"]["spec"]
        assert _environment(_container(pod))["TIDEGATE_SERVE_DRAIN_MS"] == str(drain_ms)
        grace_s = pod["terminationGracePeriodSeconds"]
        assert grace_s >= drain_ms / 1_000 + 10
        _, waits = _container(pod, "edge")["lifecycle"]["preStop"]["exec"]["command"]
        assert int(waits) == drain_ms // 2_000
        edge = rendered.of_kind("ConfigMap")["risk-edge"]["data"]["haproxy.cfg"]
        hard_stop = re.search(r"hard-stop-after (\d+)s", edge)
        assert hard_stop is not None
        assert int(waits) + int(hard_stop[1]) <= grace_s


def test_replicas_of_a_role_are_kept_apart(least: Rendered) -> None:
    """RE-379: replicas prefer other machines and zones, and a disruption takes one of them at most."""
    for name, pod in least.pods():
        if name.endswith("migrate"):
            continue
        (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
        assert pod["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    assert {each["spec"]["maxUnavailable"] for each in least.of_kind("PodDisruptionBudget").values()} == {1}


def test_database_is_brought_to_its_schema_before_replicas_come(least: Rendered) -> None:
    """RE-379: a job migrates before an installation and before an upgrade, and its failure stops either."""
    (job,) = least.of_kind("Job").values()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    assert "serviceAccountName" not in job["spec"]["template"]["spec"], "it does not exist before the installation"


def test_nobody_may_call_who_is_not_named(least: Rendered, full: Rendered) -> None:
    """RE-379: the network policy lets in the peers that values name, to their ports, and by default nobody."""
    (policy,) = least.of_kind("NetworkPolicy").values()
    assert not policy["spec"]["ingress"]
    (policy,) = full.of_kind("NetworkPolicy").values()
    rules = {rule["ports"][0]["port"]: rule["from"] for rule in policy["spec"]["ingress"]}
    named = FULL["networkPolicy"]
    assert rules == {9443: named["grpcFrom"], 8443: named["restFrom"] + named["metricsFrom"]}


def test_operator_is_given_what_is_in_deploy(full: Rendered) -> None:
    """RE-379: the operator gets the same alerts and dashboards, and labels that they read are set where it scrapes."""
    (rule,) = full.of_kind("PrometheusRule").values()
    alerts = yaml.safe_load((CHART.parents[1] / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    assert rule["spec"] == alerts
    dashboards = {key: text for each in full.of_kind("ConfigMap").values() for key, text in each["data"].items()}
    for file in (CHART.parents[1] / "grafana" / "dashboards").glob("*.json"):
        assert json.loads(dashboards[file.name]) == json.loads(file.read_text(encoding="utf-8"))
    (monitor,) = full.of_kind("ServiceMonitor").values()
    labels = {each["targetLabel"] for each in monitor["spec"]["endpoints"][0]["relabelings"]}
    assert labels == {"job", "role", "replica"}
