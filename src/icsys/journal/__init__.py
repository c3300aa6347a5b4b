"""What a run has done and what is left to do."""
