"""What images say of names: generation, measurement and agreement, for validation only."""
