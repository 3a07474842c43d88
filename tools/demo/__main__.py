"""``python -m tools.demo``: a study goes in by C-STORE, a segmentation comes back; nothing is left running."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from clara_ops.cli.laptop.adapter_config import served_ae_titles
from clara_ops.cli.laptop.airflow_api import AirflowApi
from clara_ops.cli.laptop.database import DatabaseError
from clara_ops.cli.laptop.home import Checkout, Home, HomeBusyError
from clara_ops.cli.laptop.interruption import Interrupted
from clara_ops.cli.laptop.system import ComponentFailedError, running_system
from tools.demo.follow import Follower, FollowError
from tools.demo.received import ReceivedError, collect_received, require_segmentation, unpack_report
from tools.demo.send import SendError, send_study
from tools.demo.study import Study, StudyError, find_study
from tools.demo.summary import Outcome, describe, write_summary
from tools.phantom import write_study

if TYPE_CHECKING:
    from clara_ops.cli.laptop.system import System

INSTALLATION = "demo"
"""A constant, so that the same study gives the same result UIDs in every demonstration."""

SYNTHETIC_WORKFLOW, STUDY_WORKFLOW = "OrganSeg", "TissueSeg"
"""The organ model has learnt synthetic bodies; the tissue classes hold for any CT."""

FAILED_LOG_LINES = 20

LOOK_AROUND = """\
  look on    the folder of each stage's result is in summary.json, under io_folders
             make up      the same system in the foreground, with Airflow's user interface
             make shell   a shell for airflow and clara-ops commands"""

EXPECTED = (
    StudyError, SendError, FollowError, ReceivedError, ComponentFailedError, DatabaseError, HomeBusyError,
    OSError, ValueError,
)  # fmt: skip
"""Errors whose text says all a person needs; anything else is a bug and shows where."""


class Demo:
    """One demonstration."""

    def __init__(self, checkout: Checkout, home: Home, study: Study | None, workflow: str, out: Path) -> None:
        self.checkout = checkout
        self.home = home
        self.study = study
        self.workflow = workflow
        self.out = out
        self.outcome = Outcome(study=study, workflow=workflow)
        self.picture: Path | None = None
        self._started_at = time.monotonic()

    def run(self) -> None:
        """From starting the system to the picture of what came back.

        Raises:
            Exception: One of ``EXPECTED``; ``outcome`` holds how far it came.
            Interrupted: By a signal.
        """
        self.outcome.state = "failed"
        home = self.home
        self.say(f"starting Airflow, the DICOM adapter and a demo PACS in {home.root}")
        with running_system(self.checkout, home, installation=INSTALLATION, fresh=True, say=self.say) as system:
            study = self.study or self._make_phantom(home.root / "phantom")
            self.outcome.study = study
            system.wait_until_ready(self.say)
            self._send(study, system)
            self._follow(study, system)
            self.outcome.received = collect_received(home.pacs, self.out / "received")
            self.say(f"demo PACS received {len(self.outcome.received)} DICOM object(s)")
        if self.outcome.state == "success":
            segmentation = require_segmentation(self.outcome.received, study)
            self.say("drawing the picture")
            self.picture = self._draw(study, segmentation)
            if unpack_report(self.outcome.received, self.out / "report.pdf"):
                self.say(f"the report is {self.out / 'report.pdf'}")

    def say(self, text: str) -> None:
        """Tell the user, with the seconds since the start."""
        print(f"{time.monotonic() - self._started_at:6.1f} s  {text.lstrip()}", flush=True)

    def _make_phantom(self, folder: Path) -> Study:
        write_study(folder)
        study = find_study(folder)
        self.say(f"made a synthetic abdominal CT of {len(study.instances)} slices")
        return study

    def _send(self, study: Study, system: System) -> None:
        total = len(study.instances)
        steps = {total, *(round(total * part / 4) for part in (1, 2, 3))}

        def progress(done: int) -> None:
            if done in steps:
                self.say(f"sent {done} of {total} instances to {self.workflow}")

        if study.skipped:
            names = ", ".join(path.name for path in study.skipped[:3]) + (" ..." if len(study.skipped) > 3 else "")
            self.say(f"skipped {len(study.skipped)} files that are no DICOM instances: {names}")
        self.outcome.sent = send_study(study, system.ports.adapter_dicom, self.workflow, progress)

    def _follow(self, study: Study, system: System) -> None:
        with AirflowApi(system.home, system.ports) as airflow:
            follower = Follower(system, airflow, study.study_instance_uid, self.say)
            dag_id, dag_run_id = follower.wait_for_run(self.workflow)
            self.say(f"the sensor started run {dag_run_id} of {dag_id}")
            run = follower.wait_for_end(dag_id, dag_run_id)
            self.say(f"run ended: {run.state}; the study is {run.study_state}")
            self.outcome.run = run
            self.outcome.reason = run.reason
            self.outcome.state = run.study_state if run.study_state == "not analysed" else run.state
            if log := follower.failed_log(run, FAILED_LOG_LINES):
                print(log, file=sys.stderr, flush=True)

    def _draw(self, study: Study, segmentation: Path) -> Path:
        from tools.demo.overview import write_overview  # matplotlib takes a second to import

        picture = self.out / "overview.png"
        write_overview(picture, study.folder, segmentation, f"{self.workflow}: DICOM SEG as received")
        return picture


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration; returns the exit status: 0 only when a valid segmentation came back."""
    arguments = _parse_arguments(argv)
    checkout = Checkout(Path(__file__).resolve().parents[2])
    out = _folder(arguments.out, arguments.relative_to) or checkout.root / ".clara" / "demo"
    try:
        folder = _folder(arguments.study, arguments.relative_to)
        study = find_study(folder) if folder else None
        workflow = arguments.workflow or (STUDY_WORKFLOW if study else SYNTHETIC_WORKFLOW)
        _require_served(checkout, workflow)
        _clear(out)
    except EXPECTED as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    home = _folder(arguments.home, arguments.relative_to) or checkout.root / ".clara" / "demo-system"
    return _demonstrate(Demo(checkout, Home(home), study, workflow, out))


def _demonstrate(demo: Demo) -> int:
    code = 1
    try:
        demo.run()
        code = 0 if demo.picture else 1
    except Interrupted as interrupted:
        demo.outcome.reason = "interrupted"
        code = interrupted.exit_code
    except EXPECTED as error:
        demo.outcome.state = error.state if isinstance(error, FollowError) else "failed"
        demo.outcome.reason = str(error)
    write_summary(demo.outcome, demo.out / "summary.json")
    demo.say("everything that was started has been stopped")
    print(f"\n{describe(demo.outcome, demo.out, demo.picture)}")
    print(LOOK_AROUND, flush=True)
    return code


def _parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--study", default="", help="folder of DICOM files; a synthetic study if not given")
    parser.add_argument("--out", default="", help="folder for the results; .clara/demo if not given")
    parser.add_argument("--workflow", default="", help="the workflow, and the AE title it is called by")
    parser.add_argument("--home", default="", help="where the system lives; emptied first")
    parser.add_argument("--relative-to", type=Path, default=Path.cwd(), help="what the folders are relative to")
    return parser.parse_args(argv)


def _folder(text: str, base: Path) -> Path | None:
    return (base / Path(text).expanduser()).resolve() if text else None


def _require_served(checkout: Checkout, workflow: str) -> None:
    checkout.require()
    served = served_ae_titles(checkout.adapter_config)
    if workflow not in served:
        raise ValueError(f"WORKFLOW={workflow} is not among the AE titles the adapter serves: {', '.join(served)}")


def _clear(out: Path) -> None:
    """Remove what an earlier demonstration left in the folder, and nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    for path in (*(out / "received").glob("*.dcm"), out / "summary.json", out / "overview.png"):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
