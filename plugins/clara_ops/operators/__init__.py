"""Tasks: a stage, the confirmation of started runs, the close of a run."""
