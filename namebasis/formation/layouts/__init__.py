"""How trainers lay their checkpoints out: what is read as a step, and why not where it is none."""
