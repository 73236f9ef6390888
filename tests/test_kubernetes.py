"""The manifests for Kubernetes: valid, of one piece, and about this program."""

import copy
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from wyoming_vietts import __version__
from wyoming_vietts.downloads.table import DOWNLOADS
from wyoming_vietts.settings.command_line import misspelt_variables, parse_options

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("base", "gpu")
OLDEST = "1.30"  # as base/kustomization.yaml says
Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder, as far as these use it."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "resources", "images", "patches"}
    assert kustomization.keys() <= known, "teach this test the rest"
    manifests: list[Manifest] = []
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        manifests += render(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    manifests = copy.deepcopy(manifests)  # what YAML shares by anchors is not shared there
    for patch in kustomization.get("patches", ()):
        assert patch["target"].keys() == {"kind", "name"}
        (target,) = (
            m
            for m in manifests
            if (m["kind"], m["metadata"]["name"]) == tuple(patch["target"].values())
        )
        for operation in yaml.safe_load((folder / patch["path"]).read_text()):
            apply(target, **operation)
    for image in kustomization.get("images", ()):
        (container,) = containers_of(manifests)
        name, _, _ = container["image"].rpartition(":")
        assert name == image["name"]
        container["image"] = f"{name}:{image['newTag']}"
    return manifests


def apply(target: Any, op: str, path: str, value: Any) -> None:
    """Apply an operation of a JSON patch (RFC 6902)."""
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
    for key in parents:
        target = target[int(key)] if isinstance(target, list) else target[key]
    if op == "test":
        assert target[last] == value
    elif op == "replace":
        assert last in target
        target[last] = value
    else:
        assert op == "add"
        assert last not in target
        target[last] = value


def only(manifests: list[Manifest], kind: str) -> Manifest:
    (manifest,) = (m for m in manifests if m["kind"] == kind)
    return manifest


def containers_of(manifests: list[Manifest]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = only(manifests, "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    return containers


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(FOLDER / request.param)


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_field(manifests: list[Manifest], version: str) -> None:
    assert len(manifests) == 5
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_every_file_is_used() -> None:
    used = {FOLDER / "prometheus-adapter.yaml"}
    for overlay in OVERLAYS:
        path = FOLDER / overlay / "kustomization.yaml"
        kustomization = yaml.safe_load(path.read_text())
        files = [
            *kustomization["resources"],
            *(p["path"] for p in kustomization.get("patches", ())),
        ]
        used |= {path, *((path.parent / file).resolve() for file in files)}
    assert used - {FOLDER / "base"} == set(FOLDER.rglob("*.yaml"))


def test_manifests_fit_together(manifests: list[Manifest]) -> None:
    deployment = only(manifests, "Deployment")
    pod, (container,) = deployment["spec"]["template"], containers_of(manifests)
    labels = pod["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        only(manifests, "Service")["spec"]["selector"],
        only(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    scaled = only(manifests, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"], "an update would undo what the autoscaler did"
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    claim = volumes["data"]["persistentVolumeClaim"]["claimName"]
    assert claim == only(manifests, "PersistentVolumeClaim")["metadata"]["name"]
    ports = {port["name"] for port in container["ports"]}
    (service_port,) = only(manifests, "Service")["spec"]["ports"]
    assert {service_port["targetPort"]} | {
        container[f"{probe}Probe"]["httpGet"]["port"]
        for probe in ("startup", "readiness", "liveness")
    } == ports


def test_containers_are_started_as_the_images_need_it(manifests: list[Manifest]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    pod, (container,) = (
        only(manifests, "Deployment")["spec"]["template"]["spec"],
        containers_of(manifests),
    )
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        assert f"id {pod['securityContext'][name]} " in dockerfile
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert f"EXPOSE {ports['wyoming']}" in dockerfile
    assert f"VOLUME {container['volumeMounts'][0]['mountPath']}\n" in dockerfile
    image, _, tag = container["image"].rpartition(":")
    assert image == "ghcr.io/wyoming-vietts/wyoming-vietts"
    version, _, target = tag.partition("-")
    assert version == __version__
    assert f" AS {target or 'light'}\n" in dockerfile


def test_options_are_those_of_the_program_and_valid(manifests: list[Manifest]) -> None:
    pod, (container,) = (
        only(manifests, "Deployment")["spec"]["template"]["spec"],
        containers_of(manifests),
    )
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert list(misspelt_variables(variables)) == []
    options = parse_options(["serve"], variables)
    assert options.download in DOWNLOADS
    assert f":{container['ports'][1]['containerPort']}" in options.http
    assert pod["enableServiceLinks"] is False, "a Service's variables look like options"


def test_autoscaler_asks_for_what_the_adapter_makes_of_the_metrics(
    manifests: list[Manifest],
) -> None:
    (rule,) = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    (metric,) = only(manifests, "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    counter = re.match(r"\w+", rule["seriesQuery"])
    assert counter
    metrics = (ROOT / "wyoming_vietts" / "frontends" / "http" / "metrics.py").read_text()
    assert f'"{counter[0].removesuffix("_total")}"' in metrics
