"""``clara-ops inspect`` as a person types it."""

import json
import os
import subprocess
import sys

import pytest

from clara_ops.cli import inspection
from tests.support.series import write_ct_series

CLARA_OPS = [sys.executable, "-c", "from clara_ops.cli import app; app()", "inspect"]


def inspect(*arguments, **options):
    return subprocess.run(
        [*CLARA_OPS, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_a_folder_is_described_in_words(tmp_path):
    write_ct_series(tmp_path)
    done = inspect(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  volume, 12 x 10 x 6, 0.8 x 0.9 x 2.5 mm, HU\n    6 slices, 2.5 mm apart\n" in done.stdout


def test_json_is_one_document_also_where_everything_is_refused(tmp_path):
    write_ct_series(tmp_path)[2].unlink()
    os.close(os.open(os.fsencode(tmp_path) + b'/\xff\n"Jones', os.O_CREAT | os.O_WRONLY))
    done = inspect("--json", tmp_path, env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"})
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert report.keys() >= {"volumes", "objects", "left_out"}
    assert [item["verdict"] for item in report["volumes"]] == ["refused"]
    assert [item.keys() for item in report["left_out"]] == [{"path", "reason"}]


def test_headers_only_does_not_decode(tmp_path):
    paths = write_ct_series(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:-20])
    assert "refused" in inspect(tmp_path).stdout
    assert "refused" not in inspect("--headers-only", tmp_path).stdout


def test_one_file_may_be_given(tmp_path):
    done = inspect(write_ct_series(tmp_path)[0])
    assert (done.returncode, "  image, 12 x 10, 0.8 x 0.9 mm, HU\n" in done.stdout) == (0, True)


@pytest.mark.parametrize("name", ["nowhere", "-nowhere", "pipe"])
def test_what_is_no_folder_is_a_wrong_command_line(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    done = inspect("--", name, cwd=tmp_path)
    assert done.returncode == 2
    assert f"{name} is no folder and no file" in done.stderr
    assert done.stdout == ""


def test_an_installation_without_the_reader_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(inspection, "find_spec", lambda name: None if name == "pydicom" else object())
    assert inspection.inspect_folder(tmp_path, as_json=False, headers_only=False) == inspection.MISSING
    message = capsys.readouterr().err
    assert "the DICOM reader is not installed here (pydicom missing)" in message
    assert "pip install 'clara-stages[dicom-reader]'" in message
