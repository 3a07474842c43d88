"""Run a MONAI Bundle on a volume."""
