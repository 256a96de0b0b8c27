"""What published numbers mean, and whether they agree with themselves."""
