"""What a whole run will cost, estimated from a sample."""
