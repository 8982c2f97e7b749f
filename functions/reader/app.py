"""The Lambda that reads X and writes only state: hands the event to the reader and returns its summary."""

import gc
from collections.abc import Mapping

# A cold start keeps the 100,000 objects that it makes; to look for garbage among them took a tenth of it.
gc.set_threshold(200_000)

from songpost.invoking import handle_reader  # noqa: E402  after the line above, which is for this import


def handler(event: Mapping[str, object], context: object) -> Mapping[str, object]:
    """One tick of the reader. `event` has the form of docs/environment.md; the result is the JSON summary."""
    return handle_reader(event, context)
