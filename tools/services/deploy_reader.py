"""Runs in the environment of deploy_tools.py, one question a process: JSON on standard input, JSON on standard output.

``chart``: {chart, values} -> {files, findings}, or {refused} when the values are not taken.
``kubernetes``: {objects, version} -> a list of faults. ``compose``: {text} -> {services}, or {refused}.
"""

import json
import sys
from typing import Any

# mypy: disable-error-code="import-not-found"


def chart(asked: dict[str, Any]) -> dict[str, Any]:
    """Render a chart with values, and lint it."""
    import helm_python as helm

    try:
        with helm.Chart.load(asked["chart"]) as loaded:
            files = loaded.render(asked["values"], name="risk", namespace="trading")
    except helm.HelmError as refused:
        return {"refused": str(refused)}
    found = helm.lint(asked["chart"], values=asked["values"], strict=True)
    return {"files": files, "findings": [*found["messages"], *found["errors"]]}


def kubernetes(asked: dict[str, Any]) -> list[str]:
    """Hold objects to the schemas of a Kubernetes version; unknown keys are faults."""
    import kubernetes_validate

    faults = []
    for each in asked["objects"]:
        try:
            kubernetes_validate.validate(each, asked["version"], strict=True)
        except kubernetes_validate.ValidationError as fault:
            faults.append(f"{each['kind']} {each['metadata']['name']}: {fault.message}")
    return faults


def compose(asked: dict[str, Any]) -> dict[str, Any]:
    """Read a compose file by the specification."""
    import compose_spec

    try:
        return {"services": compose_spec.PyCompose.from_yaml(asked["text"]).service_names()}
    except ValueError as refused:
        return {"refused": str(refused)}


if __name__ == "__main__":
    print(json.dumps({"chart": chart, "kubernetes": kubernetes, "compose": compose}[sys.argv[1]](json.load(sys.stdin))))
