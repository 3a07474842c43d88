"""What the stage reads."""
