"""Select a series of a study and make it a volume."""
