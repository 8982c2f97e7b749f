"""Songpost runs an X account by itself: the code that the reader, the writer and the command share."""

__version__ = "0.1.0"
