"""Commands of ``ics`` that have modules of their own."""
