"""From stored values to values with a unit."""
