"""The command ``ics``: arguments, questions, progress and exit codes."""
