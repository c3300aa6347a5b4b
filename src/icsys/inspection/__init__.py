"""What a folder of images holds: formats, classes, broken files, duplicates, leaks between splits."""
