"""Options as the page holds them, and as texts to take along."""
