"""Runs as Parquet: the rows, the files, and the export of a log."""
