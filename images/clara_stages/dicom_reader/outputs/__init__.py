"""What the stage writes."""
