"""Vectors and ids to nearest ids."""
