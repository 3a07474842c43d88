"""The pod of one stage: arguments of KubernetesPodOperator, from the stage and the settings. Pure."""

import re
from pathlib import Path
from typing import Any

from kubernetes.client import models as k8s

from clara_ops.dag.stage_task import ADAPTER_SERVICE, StageTask
from clara_ops.settings import KubernetesSettings
from clara_stages.kit.contract import StageRequest
from clara_stages.kit.contract.request import request_environment

UID = 10001
"""User and group of every image; files of one stage are readable by the next."""

CONTAINER = "stage"
"""Name of the stage's container in its pod."""

_IO_VOLUME = "io"
_NOT_IN_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")

_DEADLINE_MARGIN_S = 60
"""On top of the stage's own time-out: image start and the last log lines."""


def static_pod_arguments(task: StageTask, settings: KubernetesSettings) -> dict[str, Any]:
    """What is known when the DAG is built."""
    return {
        "name": _label(f"{task.workflow}-{task.stage}").lower().replace("_", "-").replace(".", "-"),
        "namespace": settings.namespace,
        "image": settings.images.get(task.image, f"clara-ops/{task.image}:{task.stage_version.partition('@')[2]}"),
        "cmds": list(task.command) if task.command else None,
        "labels": {"app.kubernetes.io/part-of": "clara-ops", "clara-ops/stage": _label(task.stage)},
        "container_resources": _resources(task),
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=UID,
            run_as_group=UID,
            fs_group=UID,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
        ),
        "automount_service_account_token": False,
        "active_deadline_seconds": task.limits.timeout_s + _DEADLINE_MARGIN_S,
        "env_from": _adapter_secret(task, settings),
    }


def attempt_pod_arguments(
    task: StageTask, request: StageRequest, io_root: Path, settings: KubernetesSettings
) -> dict[str, Any]:
    """What is known when the task runs: the request and the mounts it needs.

    The io volume is mounted twice at its one path: read-only as a whole, and writable where this attempt's folder is.
    """
    attempt = Path(request.output).relative_to(io_root)
    mounts = [
        k8s.V1VolumeMount(name=_IO_VOLUME, mount_path=str(io_root), read_only=True),
        k8s.V1VolumeMount(name=_IO_VOLUME, mount_path=request.output, sub_path=str(attempt)),
        k8s.V1VolumeMount(name="tmp", mount_path="/tmp"),  # noqa: S108 - an emptyDir of this pod alone
    ]
    volumes = [
        k8s.V1Volume(
            name=_IO_VOLUME,
            persistent_volume_claim=k8s.V1PersistentVolumeClaimVolumeSource(claim_name=settings.io_claim),
        ),
        k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource()),
    ]
    if any(isinstance(reference, dict) for reference in task.inputs.values()):
        source = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=settings.bundle_claim, read_only=True)
        volumes.append(k8s.V1Volume(name="bundles", persistent_volume_claim=source))
        mounts.append(k8s.V1VolumeMount(name="bundles", mount_path=settings.bundle_root, read_only=True))
    if task.limits.gpu:
        # PyTorch's workers share tensors through /dev/shm; a container's default of 64 MiB ends them with a bus error.
        memory = k8s.V1EmptyDirVolumeSource(medium="Memory")
        volumes.append(k8s.V1Volume(name="shm", empty_dir=memory))
        mounts.append(k8s.V1VolumeMount(name="shm", mount_path="/dev/shm"))  # noqa: S108 - as above
    return {
        "env_vars": request_environment(request, task.primary_input),
        "volumes": volumes,
        "volume_mounts": mounts,
    }


def _resources(task: StageTask) -> k8s.V1ResourceRequirements:
    limits = {"memory": f"{task.limits.memory_mib}Mi"}
    if task.limits.gpu:
        limits["nvidia.com/gpu"] = str(task.limits.gpu)
    return k8s.V1ResourceRequirements(requests={**limits, "cpu": f"{task.limits.cpu:g}"}, limits=limits)


def _adapter_secret(task: StageTask, settings: KubernetesSettings) -> list[k8s.V1EnvFromSource]:
    if ADAPTER_SERVICE not in task.services:
        return []
    return [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=settings.adapter_secret))]


def _label(text: str) -> str:
    return _NOT_IN_LABEL.sub("-", text)[:63].strip("-_.")
