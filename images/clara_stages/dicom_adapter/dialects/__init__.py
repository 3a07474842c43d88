"""Foreign configuration formats: one file for each."""
