"""Names measured while a model trains, and what that leaves for `formation`."""
