"""The demonstration: a phantom goes in, a picture comes out."""
