"""`songpost simulate`: the shipped reader and writer on a virtual clock, against the sandbox and a virtual audience."""
