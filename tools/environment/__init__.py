"""The development environment."""
