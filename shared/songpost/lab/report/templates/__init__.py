"""The page's template, stylesheet and icon, found by `importlib.resources`."""
