"""The explorer: a warm service of one or more spaces, as a page and as JSON."""
