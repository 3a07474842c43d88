"""Pictures of source slices with the segments drawn in, for secondary captures and reports."""
