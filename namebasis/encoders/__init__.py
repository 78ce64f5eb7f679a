"""Text and images to unit vectors."""
