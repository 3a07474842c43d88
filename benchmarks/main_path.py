"""The main path on the laptop profile: what Airflow adds to the stages, how soon a study starts, idle memory.

The peer is the same work without Airflow: read, segment and write as three commands, on the same study.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from clara_ops.cli.laptop.airflow_api import AirflowApi
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.processes import processes_of
from clara_ops.cli.laptop.system import System, running_system
from tools.demo.follow import Follower
from tools.demo.send import send_study
from tools.demo.study import find_study
from tools.phantom import write_study

ROOT = Path(__file__).parents[1]
STUDIES = 4
"""The first one pays for cold caches and is left out."""

QUIET_PERIOD_S = 2.0
"""Of AE title OrganSeg in config/dicom-server-config.yaml."""

STAGES = ("read", "segment", "write", "send")


def idle_memory_mib(marker: str) -> dict[str, float]:
    """Proportional set size of every process of an instance, by what it is, in MiB."""
    found: dict[str, float] = {}
    for process in processes_of(marker):
        with contextlib.suppress(psutil.Error):
            name = _component(process)
            found[name] = found.get(name, 0.0) + process.memory_full_info().pss / (1 << 20)
    return found


def _component(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for name in ("api_server", "scheduler", "dag-processor", "triggerer", "dicom_adapter", "pacs"):
        if name in words:
            return name
    return "airflow workers and others" if "airflow" in words else "others"


def measure_run(system: System, folder: Path) -> dict[str, float]:
    """Send one study and time its run, in seconds."""
    study = find_study(folder)
    send_study(study, system.ports.adapter_dicom, "OrganSeg", lambda _: None)
    sent_at = time.time()
    with AirflowApi(system.home, system.ports) as airflow:
        follower = Follower(system, airflow, study.study_instance_uid, lambda _: None)
        dag_id, run_id = follower.wait_for_run("OrganSeg")
        follower.wait_for_end(dag_id, run_id)
        run = airflow.dag_run(dag_id, run_id)
        stages: dict[str, Any] = {stage: airflow.returned(dag_id, run_id, stage) for stage in STAGES}
        ended = {task["task_id"]: task["end_date"] for task in airflow.task_instances(dag_id, run_id)}
    wall = _timestamp(ended["send"]) - _timestamp(run["start_date"])
    work = sum(stage["process_s"] for stage in stages.values())
    return {
        "wall": wall,
        "work": work,
        "handover": wall - work,
        "start": stages["read"]["started_at"] - sent_at - QUIET_PERIOD_S,
    }


def commands_one_after_another(study: Path) -> float:
    """Seconds of read, segment and write as three commands: the same work without Airflow."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        bundle = ROOT / "bundles" / "ct_organ_seg"
        commands = [
            ("dicom_reader", {"study": study}, "read"),
            ("bundle_inference", {"volume": out / "read/volume", "bundle": bundle}, "segment"),
            ("dicom_writer", {"labels": out / "segment/labels", "source": out / "read/source"}, "write"),
        ]
        started = time.perf_counter()
        for module, inputs, output in commands:
            given = [word for key, value in inputs.items() for word in ("--input", f"{key}={value}")]
            command = [sys.executable, "-m", f"clara_stages.{module}", *given, "--output", str(out / output)]
            subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    """Print the figures."""
    home = Home(ROOT / ".clara" / "bench-system")
    with tempfile.TemporaryDirectory() as name:
        studies = [Path(name) / str(seed) for seed in range(STUDIES)]
        for seed, folder in enumerate(studies):
            write_study(folder, seed=100 + seed)
        with running_system(Checkout(ROOT), home, installation="bench", fresh=True, say=lambda _: None) as system:
            system.wait_until_ready(lambda _: None)
            time.sleep(5)
            memory = idle_memory_mib(home.marker)
            runs = [measure_run(system, folder) for folder in studies][1:]
        peer = commands_one_after_another(studies[-1])
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(f"hand-over overhead of four stages  {middle['handover']:6.2f} s   target <= 2 s")
    print(f"  run {middle['wall']:.2f} s, stages from spawn to exit {middle['work']:.2f} s;")
    print(f"  read, segment and write as three commands {peer:.2f} s: ratio {middle['wall'] / peer:.2f}")
    print(f"last byte to first stage           {middle['start']:6.2f} s beyond the quiet period   target <= 2 s")
    airflow = sum(value for key, value in memory.items() if key not in ("dicom_adapter", "pacs"))
    total = sum(memory.values())
    print(f"memory of the idle system          {total:6.0f} MiB, ratio to Airflow alone {total / airflow:.2f}")
    print("  " + json.dumps({key: round(value) for key, value in sorted(memory.items())}))


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
