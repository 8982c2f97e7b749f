"""The `songpost` command. Not in the layer."""
