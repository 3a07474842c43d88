"""Stored values of frames: decoding, and proof that header and pixel data mean the same image."""
