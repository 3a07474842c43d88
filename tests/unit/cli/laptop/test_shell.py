import stat
import subprocess
from pathlib import Path

from clara_ops.cli.laptop.environment import airflow_variables
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.ports import Ports
from clara_ops.cli.laptop.shell import write_shell_environment

ROOT = Path(__file__).parents[4]


def test_a_shell_can_source_it_even_below_a_folder_with_blanks_and_quotes(tmp_path):
    home = Home(tmp_path / "Anna's clone $HOME")
    home.prepare()
    file = write_shell_environment(home, airflow_variables(Checkout(ROOT), home, Ports(), "laptop"))
    script = '. "$0"; printf "%s\\n" "$AIRFLOW_HOME" "$AIRFLOW_CONFIG" "${CLARA_INSTANCE-unmarked}"; command -v airflow'
    done = subprocess.run(["sh", "-c", script, str(file)], capture_output=True, text=True, check=True)
    airflow_home, config, marker, program = done.stdout.splitlines()
    assert airflow_home == str(home.airflow)
    assert config == str(ROOT / "config" / "laptop.cfg")
    assert marker == "unmarked"
    assert Path(program).name == "airflow"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
