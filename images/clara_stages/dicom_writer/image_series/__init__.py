"""Derived CT, MR and PET images."""
