"""Work that goes on while the page is closed: runs, and learning."""
