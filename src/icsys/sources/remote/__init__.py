"""Sources behind a URL."""
