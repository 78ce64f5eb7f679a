"""What pictures of people say while a model trains."""
