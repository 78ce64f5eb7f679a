"""Search engines beyond this machine: spaces published to them, and asked through them."""
