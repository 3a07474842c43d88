"""Figures, not tests: each script prints ratios against a named peer measured in the same run."""
