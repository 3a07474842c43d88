"""``clara-ops``: the command line of the Airflow side."""

from pathlib import Path
from typing import Annotated

import typer

from clara_ops.cli import workflows

app = typer.Typer(
    name="clara-ops",
    help="Clinical imaging workflows on Airflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, which may hold secrets
)

app.add_typer(workflows.app, name="workflows", help="Look at workflow files.")

_CheckoutOption = Annotated[Path, typer.Option("--checkout", help="The folder that `git clone` made.")]
_HomeOption = Annotated[Path | None, typer.Option("--home", help="Where the instance lives; .clara of the checkout.")]


@app.command()
def up(checkout: _CheckoutOption = Path(), home: _HomeOption = None) -> None:
    """Run Airflow, the DICOM adapter and a demo PACS here until Ctrl-C."""
    from clara_ops.cli.laptop.home import Checkout, Home
    from clara_ops.cli.laptop.up import run_in_foreground

    root = checkout.resolve()
    raise typer.Exit(run_in_foreground(Checkout(root), Home(home or root / ".clara")))


@app.command()
def env(checkout: _CheckoutOption = Path(), home: _HomeOption = None) -> None:
    """Write env.sh, which a shell can source for `airflow` commands, and make the database it uses."""
    from clara_ops.cli.laptop.database import DatabaseError
    from clara_ops.cli.laptop.home import Checkout, Home
    from clara_ops.cli.laptop.up import prepare_shell

    root = checkout.resolve()
    try:
        prepare_shell(Checkout(root), Home(home or root / ".clara"))
    except (DatabaseError, OSError) as error:
        typer.echo(f"clara-ops env: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def init() -> None:
    """Create or migrate the database of the configured Airflow, and the pools; may be repeated."""
    from clara_ops.cli.airflow_database import initialise

    initialise()


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="any folder, or one file")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    headers_only: Annotated[bool, typer.Option(help="do not decode pixels: faster, and blind to damage")] = False,
) -> None:
    """Say what the reader would make of each series in a folder, and why."""
    from clara_ops.cli.inspection import inspect_folder

    raise typer.Exit(inspect_folder(folder, as_json=as_json, headers_only=headers_only))
