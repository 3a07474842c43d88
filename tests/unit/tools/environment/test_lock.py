import re
from pathlib import Path

from tools.environment.lock import build_lock

ROOT = Path(__file__).parents[4]

FREEZE = """\
apache-airflow==3.3.2
-e /home/someone/clone
clara-ops @ file:///home/someone/clone
clara_stages==0.1.0
nvidia-cublas-cu12==12.8.4
torch==2.13.0+cpu
triton==3.6.0
Zope==1.0
"""


def test_a_lock_holds_plain_versions_only():
    pins = [line for line in build_lock(FREEZE).splitlines() if not line.startswith("#")]
    assert pins == ["apache-airflow==3.3.2", "torch==2.13.0", "Zope==1.0"]


def test_the_lock_in_the_repository_resolves_on_every_machine():
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert "torch==2.13.0" in pins
    for pin in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!]*", pin), pin
        assert not pin.lower().startswith(("nvidia-", "clara"))


def test_what_the_images_and_the_airflow_side_pin_is_in_the_lock():
    locked = (ROOT / "constraints.txt").read_text().lower().splitlines()
    for project in (ROOT / "pyproject.toml", ROOT / "images" / "pyproject.toml"):
        for pin in re.findall(r'"([A-Za-z0-9._-]+==[0-9.]+)"', project.read_text()):
            if not pin.startswith("clara-"):
                assert pin.lower() in locked, f"{pin} of {project.name}; run `make lock`"
