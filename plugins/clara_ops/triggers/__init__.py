"""Triggers: the waiting itself, in the event loop of the triggerer."""
