"""The headers of a study folder: which instances there are, and what each of their frames says of itself."""
