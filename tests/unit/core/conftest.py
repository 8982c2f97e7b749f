"""Properties hold on a slow machine too: no example fails for the time that it takes."""

from hypothesis import settings

settings.register_profile("songpost", deadline=None)
settings.load_profile("songpost")
