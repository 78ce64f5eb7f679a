"""What text, pictures and weights say of each name over a training, on one scale."""
