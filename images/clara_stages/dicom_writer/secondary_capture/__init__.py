"""Secondary Capture: pictures with the segments drawn in."""
