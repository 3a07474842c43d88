"""RT Structure Set."""
