"""Files that ICS keeps beside the outputs: each kind is read and written here, as plain data."""
