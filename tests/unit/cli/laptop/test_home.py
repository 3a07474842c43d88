import stat
import subprocess
import sys
import time

import pytest

from clara_ops.cli.laptop.home import Checkout, Home, HomeBusyError


def test_secrets_are_kept_and_only_their_owner_can_read_them(tmp_path):
    home = Home(tmp_path / "home")
    made = home.secrets
    assert Home(tmp_path / "home").secrets == made
    for file in (tmp_path / "home" / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len({made.fernet_key, made.jwt_secret, made.api_secret_key, made.adapter_token, made.admin_password}) == 5


def test_two_homes_share_neither_secrets_nor_installation(tmp_path):
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    assert one.secrets.jwt_secret != other.secrets.jwt_secret
    assert one.installation != other.installation
    assert Home(tmp_path / "one").installation == one.installation


def test_wiping_removes_read_only_arrivals_but_not_the_lock(tmp_path):
    home = Home(tmp_path / "home")
    home.lock()
    home.prepare()
    former = home.installation
    arrival = home.io / "studies" / "a1"
    arrival.mkdir(parents=True)
    (arrival / "study.json").write_text("{}")
    arrival.chmod(0o500)
    home.wipe()
    assert [entry.name for entry in home.root.iterdir()] == ["lock"]
    assert home.installation != former
    home.unlock()


def test_a_folder_of_someone_else_is_never_wiped(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(ValueError, match="holds files of someone else, and would be emptied: name another folder"):
        Home(tmp_path).require_wipeable()
    Home(tmp_path / "new").require_wipeable()


def test_a_home_in_use_names_the_process_that_runs_it(tmp_path):
    script = (
        "import sys, time, pathlib\n"
        "from clara_ops.cli.laptop.home import Home\n"
        "Home(pathlib.Path(sys.argv[1])).lock(); print('locked', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(HomeBusyError, match=rf"is already running \(process {owner.pid}\)\. Stop it first"):
            Home(tmp_path).lock()
    finally:
        owner.kill()
        owner.wait()
    second = Home(tmp_path)
    second.lock()
    second.unlock()


def test_a_start_waits_for_the_keeper_of_a_killed_instance(tmp_path):
    script = (
        "import os, sys, time, pathlib\n"
        "from clara_ops.cli.laptop.home import Home\n"
        "lock = Home(pathlib.Path(sys.argv[1])).lock()\n"
        "if os.fork() == 0: time.sleep(1.5); os._exit(0)\n"
        "os.kill(os.getpid(), 9)"
    )
    owner = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert owner.returncode == -9
    home = Home(tmp_path)
    before = time.monotonic()
    home.lock()
    assert time.monotonic() > before
    home.unlock()


def test_a_folder_that_is_no_checkout_is_named_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is no checkout of clara-ops: config/laptop\.cfg is not there\. Run"):
        Checkout(tmp_path).require()
