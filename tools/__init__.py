"""Scripts that make and show things; no part of the product."""
