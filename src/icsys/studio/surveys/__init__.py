"""What is found out about many images in the background: an inspection, the worst ones, and shared palettes."""
