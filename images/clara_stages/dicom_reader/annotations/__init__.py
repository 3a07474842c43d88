"""Results of others (SEG, RTSTRUCT) as labels on the grid of the series they are about."""
