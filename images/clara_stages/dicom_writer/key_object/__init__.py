"""Key Object Selection: the images worth opening."""
