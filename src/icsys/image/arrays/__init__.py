"""Images of one size as arrays: indices packed into bits, and the pixels that palettes make of them."""
