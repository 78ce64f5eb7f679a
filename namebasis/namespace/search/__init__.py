"""What a query needs beside the rows: targets, indices, graphs and results."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
