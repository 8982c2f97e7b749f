"""Songpost runs an X account by itself; this package is the code that the reader, the writer and the `songpost` command share."""

__version__ = "0.1.0"
