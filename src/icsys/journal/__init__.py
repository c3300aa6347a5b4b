"""Journal: what runs have done in an output folder, and what is left to do."""
