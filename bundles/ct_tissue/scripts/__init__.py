"""Transforms of the bundle ct_tissue."""
