"""Which frames of one series make which volume: ``split.split_frames``."""
