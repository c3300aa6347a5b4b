"""What a model keeps: accuracy against colours, size and bytes, on the user's own classes of images."""
