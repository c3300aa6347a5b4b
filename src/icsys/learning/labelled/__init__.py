"""From the names and tables of a source to the images that are judged."""
