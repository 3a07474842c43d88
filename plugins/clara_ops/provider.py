"""What clara-ops tells Airflow about itself, through the entry point ``apache_airflow_provider``."""

from typing import Any

_OPTIONS: dict[str, tuple[str, str | None]] = {
    "io_root": ("Folder of studies and runs; one path on every machine.", "/var/lib/clara/io"),
    "workflows_folder": ("Folder of the workflow YAML files.", "/opt/clara/dags/workflows"),
    "bundle_root": ("Folder of model bundles; nothing outside it is run.", "/opt/clara/bundles"),
    "study_roots": ("Comma-separated folders a run may take a study from, besides arrivals; * is any.", ""),
    "stage_folders": ("Comma-separated folders of a site's own stage.yaml manifests.", ""),
    "runtime": ("How stages run: process or kubernetes.", "process"),
    "installation": ("Name of this installation; part of every UID made here. Never change it.", "clara"),
    "rollout_mode": ("live, test, shadow or off; part of every UID made here.", "live"),
    "adapter_conn_id": ("Connection of the DICOM adapter.", "clara_adapter"),
    "python": ("Interpreter that runs stages in the process runtime; empty is Airflow's own.", ""),
    "term_grace_s": ("Seconds from SIGTERM to SIGKILL.", "10"),
    "queue_timeout_s": ("Seconds a pod may wait for a node.", "3600"),
    "retries": ("How often a retriable failure is tried again.", "5"),
    "retry_delay_s": ("Seconds before the first retry; it doubles, up to five minutes.", "5"),
    "images": ("JSON: stage image name -> registry reference with digest, for the kubernetes runtime.", ""),
    "io_claim": ("Name of the ReadWriteMany volume claim that holds io_root, for the kubernetes runtime.", "clara-io"),
    "bundle_claim": ("Name of the volume claim that holds bundle_root, for the kubernetes runtime.", "clara-bundles"),
    "namespace": ("Namespace of stage pods.", "clara"),
    "adapter_secret": ("Kubernetes secret with CLARA_ADAPTER_URL and CLARA_ADAPTER_TOKEN.", "clara-adapter"),
}


def provider_info() -> dict[str, Any]:
    """Configuration section, connection type and names; the keys are those of provider_info.schema.json."""
    return {
        "package-name": "clara-ops",
        "name": "clara-ops",
        "description": "Clinical imaging workflows: DICOM in, a DAG of container stages, DICOM out.",
        "config": {
            "clara": {
                "description": "clara-ops.",
                "options": {
                    name: {
                        "description": text,
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": None,
                        "default": default,
                    }
                    for name, (text, default) in _OPTIONS.items()
                },
            }
        },
        "connection-types": [
            {
                "connection-type": "clara_adapter",
                "hook-class-name": "clara_ops.hooks.adapter.AdapterHook",
                "hook-name": "clara-ops DICOM adapter",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "extra"],
                    "relabeling": {"password": "Token", "host": "Host or URL"},
                    "placeholders": {"host": "http://127.0.0.1", "port": "5000"},
                },
            }
        ],
    }
