"""The REST API: docs/adapter-api.md."""
