"""Measurement report (TID 1500)."""
