"""The outbox: results on their way to destinations."""
