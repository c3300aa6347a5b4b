"""An output folder held against its journal."""
