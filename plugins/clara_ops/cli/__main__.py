"""``python -m clara_ops.cli`` is ``clara-ops``."""

from clara_ops.cli import app

app(prog_name="clara-ops")
