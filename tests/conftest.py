"""One profile for Hypothesis: no example fails for the time that it takes, and CI draws the same ones every time."""

import os

from hypothesis import settings

settings.register_profile("songpost", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("songpost")
