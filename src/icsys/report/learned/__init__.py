"""What a model keeps, as text, a plot and a page."""
