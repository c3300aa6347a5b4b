"""Tables: records of CSV, rows of JSON, columns of boxes."""
