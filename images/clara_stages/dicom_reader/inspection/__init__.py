"""What the reader would do with a folder, and why."""
