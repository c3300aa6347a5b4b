"""The models that are trained on the pictures of an arm."""
