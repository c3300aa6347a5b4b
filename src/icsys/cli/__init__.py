"""The command ``ics``."""
