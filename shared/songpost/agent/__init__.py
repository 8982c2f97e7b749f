"""Use cases: what a tick does, as functions of their ports."""
