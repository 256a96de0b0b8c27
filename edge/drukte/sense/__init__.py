"""The sealed room: sees frames and can do nothing else."""
