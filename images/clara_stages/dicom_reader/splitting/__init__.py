"""Which frames of one series make which volume."""
