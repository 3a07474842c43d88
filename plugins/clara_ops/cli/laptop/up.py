"""``clara-ops up`` and ``clara-ops env``: the system in the foreground, and its environment for a shell."""

import json
import sys
import time

from clara_ops.cli.laptop.components import PACS_AE_TITLE
from clara_ops.cli.laptop.database import DatabaseError, prepare_database
from clara_ops.cli.laptop.environment import HOST, airflow_variables, component_environment
from clara_ops.cli.laptop.home import Checkout, Home, HomeBusyError
from clara_ops.cli.laptop.interruption import Interrupted
from clara_ops.cli.laptop.ports import Ports
from clara_ops.cli.laptop.shell import write_shell_environment
from clara_ops.cli.laptop.system import ComponentFailedError, System, running_system

WATCH_S = 0.5
"""Between two looks at whether all components live."""


def run_in_foreground(checkout: Checkout, home: Home) -> int:
    """Run the system until someone stops it; returns the exit code: 0 stopped, 1 failed.

    Being stopped by Ctrl-C, SIGTERM or SIGHUP is what this command is for, so it is no failure.
    """
    try:
        print(f"Starting clara-ops in {home.root} (Ctrl-C stops all of it)", flush=True)
        with running_system(checkout, home, installation=None, fresh=False, say=_say) as system:
            system.wait_until_ready(_say)
            write_shell_environment(home, system.variables)  # now `make shell` has the ports of this instance
            _say(describe(system))
            while True:
                system.require_alive()
                time.sleep(WATCH_S)
    except Interrupted:
        _say("Stopped; nothing is left running.")
        return 0
    except (ComponentFailedError, DatabaseError, HomeBusyError, OSError, ValueError) as error:
        print(f"clara-ops up: {error}", file=sys.stderr, flush=True)
        return 1


def describe(system: System) -> str:
    """What a person needs to use a running instance."""
    ports, home = system.ports, system.home
    example = next(iter(system.ae_titles), "OrganSeg")
    return f"""
  Airflow      http://{HOST}:{ports.airflow}   user admin, password {home.secrets.admin_password}
  DICOM in     localhost:{ports.adapter_dicom}, AE titles {", ".join(system.ae_titles)}
  demo PACS    localhost:{ports.pacs_dicom}, AE title {PACS_AE_TITLE}; what it receives lies in {home.pacs}
  adapter API  http://{HOST}:{ports.adapter_http}/api/v1/studies
  logs         {home.logs}

  Send a study   storescu -aec {example} localhost {ports.adapter_dicom} +sd +r FOLDER
  Airflow shell  make shell
"""


def prepare_shell(checkout: Checkout, home: Home) -> None:
    """Make the home usable without a server: folders, secrets, database, ``env.sh``.

    Raises:
        FileNotFoundError: This is no checkout.
        DatabaseError: Airflow's database could not be made.
    """
    checkout.require()
    home.prepare()
    variables = airflow_variables(checkout, home, _last_ports(home), home.installation)
    prepare_database(checkout, home, component_environment(home, variables))
    write_shell_environment(home, variables)


def _last_ports(home: Home) -> Ports:
    """The ports of the running instance, else the usual ones."""
    try:
        return Ports(**json.loads(home.ports_file.read_text()))
    except FileNotFoundError:
        return Ports()


def _say(text: str) -> None:
    print(text, flush=True)
