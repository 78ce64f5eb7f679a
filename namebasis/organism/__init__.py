"""A model whose truth is known: a world of names and faces, and a small CLIP trained on it."""
