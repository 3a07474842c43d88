"""What is compared when a written segmentation is read back."""
