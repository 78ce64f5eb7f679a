"""Faces in pictures: found, chosen, cut out and aligned for the extractors that take them."""
