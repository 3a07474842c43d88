"""Encapsulated PDF report."""
