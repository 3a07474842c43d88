"""The container side of clara-ops: the kit every stage is built on, and one package per image."""
