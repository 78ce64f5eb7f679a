"""Arrays in, arrays out: never a path, a store or an encoder."""
