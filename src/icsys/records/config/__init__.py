"""All options of a run by name, as a config file holds them."""
