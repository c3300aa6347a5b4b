"""Parquet files, read value by value, in bounded memory whatever a file states.

The package pyarrow only unpacks pages. Its reader would hold pages, dictionaries and rows together: a file of a few
kilobytes can make gigabytes of these.
"""
