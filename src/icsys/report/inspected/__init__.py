"""An inspected source as text and as a page."""
