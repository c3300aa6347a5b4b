"""What a whole run will cost, estimated from a sample, and what is best within a number of bytes."""
