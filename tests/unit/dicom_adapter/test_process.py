"""The process: start, lock, kill and restart, clean end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage

from tests.support.adapter import CONFIG, running_adapter
from tests.unit.dicom_adapter.conftest import make_ct, send, workflow_text

SLOW = CONFIG.replace("OrganSeg, quiet-period-s: 0.5", "OrganSeg, quiet-period-s: 3")


def test_what_was_acknowledged_survives_a_kill_and_completes(tmp_path):
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    (workflows / "OrganSeg.yaml").write_text(workflow_text("OrganSeg"))
    with running_adapter(tmp_path, config_text=SLOW, workflows_folder=workflows) as adapter:
        assert send(adapter.dicom_port, *[make_ct(number) for number in range(5)]) == [0] * 5
        adapter.kill()
        adapter.start()
        (study,) = adapter.wait_for_studies()
        assert (study["state"], study["instances"]) == ("complete", 5)
        (pair,) = adapter.post("/leases", {})["pairs"]
        adapter.kill()
        adapter.start()
        assert adapter.get("/offers") == {"offers": 0, "overdue": 0}
        assert adapter.post("/pairs/confirm", {k: pair[k] for k in ("arrival_id", "workflow", "dag_run_id")}) == {
            "state": "running"
        }
        second = subprocess.run(adapter.command, env=environment(), capture_output=True, text=True, timeout=60)
        assert second.returncode == 2
        assert f"is in use by process {adapter.process.pid}" in second.stdout
        assert adapter.terminate() == 0
        assert not (adapter.home / "ports.json").exists()
        assert "Secret" not in adapter.log()
        assert "SECRET" not in adapter.log()
        assert '"level"' in adapter.log()


def test_a_kill_in_the_middle_of_a_transfer_loses_nothing_that_was_acknowledged(tmp_path):
    acknowledged = []

    def send_until_it_breaks(association):
        for number in range(2000):
            try:
                answer = association.send_c_store(make_ct(number))
            except RuntimeError:
                return
            if "Status" not in answer:
                return
            acknowledged.append(number)

    with running_adapter(tmp_path) as adapter:
        ae = AE()
        ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        association = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
        sender = threading.Thread(target=send_until_it_breaks, args=[association])
        sender.start()
        while len(acknowledged) < 20:
            time.sleep(0.01)
        adapter.kill()
        sender.join()
        association.abort()
        adapter.start()
        (study,) = adapter.wait_for_studies()
        # The last one may have been written before its answer could leave.
        assert len(acknowledged) <= study["instances"] <= len(acknowledged) + 1
        files = (adapter.io_root / "studies" / study["arrival_id"] / "instances").iterdir()
        kept = {int(dcmread(file).InstanceNumber) for file in files}
        assert set(acknowledged) <= kept


def test_without_a_token_the_adapter_does_not_start(tmp_path):
    answer = start_badly(tmp_path, CONFIG, CLARA_ADAPTER_TOKEN="")
    assert answer.returncode == 2
    assert "CLARA_ADAPTER_TOKEN is empty" in answer.stdout


def test_a_bad_configuration_is_reported_line_by_line(tmp_path):
    answer = start_badly(tmp_path, CONFIG.replace("port: 11112", "prt: 11112").replace("port: 4242", "port: x"))
    assert answer.returncode == 2
    assert "config.yaml:4: 'scp' has the unknown key 'prt'" in answer.stdout
    assert "config.yaml:16: 'port' of an entry of 'destinations' is 'x'" in answer.stdout
    assert not (tmp_path / "home" / "ports.json").exists()


def test_a_row_that_names_no_workflow_is_a_start_up_error(tmp_path):
    workflow = "7b413e24-d018-4689-8c41-73272f6649d4"
    row = f"{{name: x, clara-ae-title: OrganSeg, destination-name: MYPACS, workflow: {workflow}}}"
    answer = start_badly(tmp_path, f"{CONFIG}workflows:\n  - {row}\n")
    assert answer.returncode == 2
    assert f"config.yaml:18: the row 'x' of 'workflows' names the workflow '{workflow}'" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        answer = start_badly(tmp_path, CONFIG.replace("port: 11112", f"port: {port}"))
    assert answer.returncode == 2
    assert f"the DICOM port 0.0.0.0:{port} cannot be had: Address already in use" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_a_signal_during_a_transfer_ends_the_process_and_keeps_what_was_acknowledged(tmp_path):
    with running_adapter(tmp_path) as adapter:
        ae = AE()
        ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        association = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
        assert association.send_c_store(make_ct()).Status == 0
        adapter.process.send_signal(signal.SIGTERM)
        assert adapter.process.wait(20) == 0
        association.abort()
        adapter.start()
        assert adapter.wait_for_studies()[0]["instances"] == 1


def environment(**more):
    images = os.path.join(os.path.dirname(__file__), "..", "..", "..", "images")
    return {**os.environ, "PYTHONPATH": os.path.abspath(images), "CLARA_ADAPTER_TOKEN": "x", **more}


def start_badly(tmp_path, config_text, **more):
    (tmp_path / "config.yaml").write_text(config_text)
    command = [sys.executable, "-m", "clara_stages.dicom_adapter", "--config", str(tmp_path / "config.yaml")]
    command += ["--http-port", "0"]
    for name in ("home", "io-root", "workflows"):
        (tmp_path / name).mkdir()
        command += [f"--{name}", str(tmp_path / name)]
    return subprocess.run(command, env=environment(**more), capture_output=True, text=True, timeout=60)
