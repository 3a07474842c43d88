"""What every result carries: patient, study, series, equipment, dates."""
