"""The whole path with real peers: what a sender does, and what a person can see of it."""

import shutil
import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pydicom
import pytest
from pynetdicom import AE

from clara_ops.cli.laptop.airflow_api import AirflowApi
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.processes import processes_of
from clara_ops.cli.laptop.system import running_system
from tests.support.peers import require_program
from tools.demo.send import send_study
from tools.demo.study import find_study
from tools.phantom import write_study

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
FINAL = {"delivered", "done", "no match", "not analysed", "failed"}


class Site:
    """A running system, seen from outside."""

    def __init__(self, system):
        self.system = system
        self.port = str(system.ports.adapter_dicom)
        self.adapter = httpx.Client(
            base_url=f"http://127.0.0.1:{system.ports.adapter_http}/api/v1",
            headers={"Authorization": f"Bearer {system.home.secrets.adapter_token}"},
            trust_env=False,
        )
        self.airflow = AirflowApi(system.home, system.ports)

    def studies(self, uid: str) -> list[dict]:
        studies = self.adapter.get("/studies", params={"limit": 100}).json()["studies"]
        return [study for study in studies if study["study_instance_uid"] == uid]

    def wait_for(self, condition, what: str, seconds: float = 240):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.system.require_alive()
            if found := condition():
                return found
            time.sleep(0.2)
        pytest.fail(f"waited {seconds} s for {what}: {self.adapter.get('/studies').text}")

    def wait_for_end(self, uid: str) -> dict:
        def ended():
            found = self.studies(uid)
            return found[0] if found and found[0]["state"] in FINAL else None

        return self.wait_for(ended, f"the end of study {uid}")

    def run_again(self, arrival_id: str, run_id: str) -> str:
        """Start TissueSeg by hand for an arrival that ran before; the state in which it ends."""
        conf = {"study": arrival_id, "destinations": ["MYPACS"]}
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.airflow.dag_ids()  # logs in
        self.airflow._client.post("/api/v2/dags/TissueSeg/dagRuns", json=body).raise_for_status()

        def state():
            found = self.airflow.dag_run("TissueSeg", run_id)["state"]
            return found if found in ("success", "failed") else None

        return self.wait_for(state, f"the end of run {run_id}")

    def results(self, uid: str) -> list[Path]:
        files = self.system.home.pacs.glob("*.dcm")
        return [file for file in files if pydicom.dcmread(file, stop_before_pixels=True).StudyInstanceUID == uid]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("site"))
    lines: list[str] = []
    with running_system(Checkout(ROOT), home, installation="tests", fresh=True, say=lines.append) as system:
        system.wait_until_ready(lines.append)
        yield Site(system)


def make_study(folder: Path, seed: int, **options) -> str:
    return write_study(folder, seed=seed, **{"slices": 8, "rows": 96, **options})


def storescu(site: Site, folder: Path, *options: str, called: str = "TissueSeg") -> subprocess.CompletedProcess:
    """Send as Clara's guide does."""
    command = [require_program("storescu"), "-v", "+sd", "+r", *options, "-aet", "DCM4CHEE", "-aec", called]
    return subprocess.run([*command, "127.0.0.1", site.port, str(folder)], capture_output=True, text=True, timeout=120)


@pytest.mark.peers
def test_a_study_sent_three_times_in_three_syntaxes_is_one_run_and_one_result(site, tmp_path):
    uid = make_study(tmp_path / "study", 1)
    assert storescu(site, tmp_path / "study", "-xb").returncode == 0
    first = site.wait_for_end(uid)
    assert first["state"] == "delivered"
    (result,) = site.results(uid)
    sent = result.stat().st_mtime_ns

    assert storescu(site, tmp_path / "study", "-xi").returncode == 0
    dcmsend = [require_program("dcmsend"), "-aet", "OTHER", "-aec", "TissueSeg", "127.0.0.1", site.port, "+sd"]
    subprocess.run([*dcmsend, str(tmp_path / "study")], check=True, capture_output=True, timeout=120)
    time.sleep(5)  # the quiet period is two seconds
    (again,) = site.studies(uid)
    assert (again["state"], len(again["pairs"])) == ("delivered", 1)
    assert [file.stat().st_mtime_ns for file in site.results(uid)] == [sent]

    back = [require_program("dcmsend"), "-aec", "TissueSeg", "127.0.0.1", site.port, str(result)]
    subprocess.run(back, check=True, capture_output=True, timeout=120)
    time.sleep(5)
    assert [len(study["pairs"]) for study in site.studies(uid)] == [1]


def test_a_repeated_run_makes_the_same_bytes_and_sends_nothing_twice(site, tmp_path):
    uid = make_study(tmp_path / "study", 8)
    send_study(find_study(tmp_path / "study"), int(site.port), "TissueSeg", lambda _: None)
    study = site.wait_for_end(uid)
    (result,) = site.results(uid)
    sent = result.stat().st_mtime_ns

    assert site.run_again(study["arrival_id"], "again") == "success"

    runs = site.system.home.io / "runs" / "TissueSeg"
    made = [runs / run / "write" / "1" / "instances" / "seg.dcm" for run in (study["pairs"][0]["dag_run_id"], "again")]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert [file.stat().st_mtime_ns for file in site.results(uid)] == [sent]


def test_two_studies_interleaved_on_two_associations_are_two_runs(site, tmp_path):
    uids = [make_study(tmp_path / str(seed), seed) for seed in (2, 3)]
    stacks = [[pydicom.dcmread(file) for file in sorted((tmp_path / str(seed)).rglob("*.dcm"))] for seed in (2, 3)]
    entity = AE(ae_title="MODALITY")
    entity.add_requested_context(stacks[0][0].SOPClassUID)
    first, second = (entity.associate("127.0.0.1", int(site.port), ae_title="TissueSeg") for _ in range(2))
    for one, other in zip(*stacks, strict=True):
        assert first.send_c_store(one).Status == 0
        assert second.send_c_store(other).Status == 0
    first.release()
    second.release()
    for uid in uids:
        study = site.wait_for_end(uid)
        assert (study["state"], study["instances"], len(study["pairs"])) == ("delivered", 8, 1)
        (result,) = site.results(uid)
        assert pydicom.dcmread(result).PatientID == stacks[uids.index(uid)][0].PatientID


def test_a_study_of_one_slice_is_kept_with_the_reason(site, tmp_path):
    uid = make_study(tmp_path / "study", 4)
    for file in sorted((tmp_path / "study").rglob("*.dcm"))[1:]:
        file.unlink()
    send_study(find_study(tmp_path / "study"), int(site.port), "TissueSeg", lambda _: None)
    study = site.wait_for_end(uid)
    assert study["state"] == "no match"
    assert "TissueSeg" in study["reason"]


@pytest.mark.peers
def test_text_truncated_and_unknown_called_titles_stop_nothing(site, tmp_path):
    uid = make_study(tmp_path / "study", 5)
    files = sorted((tmp_path / "study").rglob("*.dcm"))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "report.dcm").write_text("no DICOM at all")
    storescu(site, tmp_path / "text")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "cut.dcm").write_bytes(files[0].read_bytes()[:2000])
    storescu(site, tmp_path / "cut")
    refused = storescu(site, tmp_path / "study", called="NOBODY")
    assert "Called AE Title Not Recognized" in refused.stdout + refused.stderr
    site.wait_for(lambda: "NOBODY" in site.adapter.get("/rejections").text, "the rejection in the list", 30)
    shutil.rmtree(tmp_path / "cut")
    assert storescu(site, tmp_path / "study").returncode == 0
    assert site.wait_for_end(uid)["state"] == "delivered"


def test_a_killed_supervisor_costs_an_attempt_and_nothing_else(site, tmp_path):
    """SIGKILL for the supervisor of a running stage: the stage dies, the retry succeeds, no half result stays."""
    uid = make_study(tmp_path / "study", 6, slices=24, rows=384)
    send_study(find_study(tmp_path / "study"), int(site.port), "TissueSeg", lambda _: None)

    def stage():
        running = processes_of(site.system.home.marker)
        return next((p for p in running if "clara_stages.bundle_inference" in " ".join(_words(p))), None)

    child = site.wait_for(stage, "the stage's process")
    supervisor = child.parent().parent()
    supervisor.kill()
    site.wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the stage's death", 30)
    study = site.wait_for_end(uid)
    assert study["state"] == "delivered"
    run = study["pairs"][0]["dag_run_id"]
    tries = {task["task_id"]: task["try_number"] for task in site.airflow.task_instances("TissueSeg", run)}
    assert tries == {"read": 1, "segment": 2, "write": 1, "send": 1, "close": 1}
    attempts = list((site.system.home.io / "runs" / "TissueSeg" / run / "segment").iterdir())
    assert [(attempt / "result.json").is_file() for attempt in attempts] == [True]
    assert len(site.results(uid)) == 1


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
