"""Parquet files, read value by value: what a file says never decides what it takes in memory.

The package pyarrow unpacks pages; it reads none itself, because it holds pages, dictionaries and rows together, and a
file of a few kilobytes can make gigabytes of these.
"""
