"""The Lambda that acts on X: hands the event to the writer and returns its summary."""

import gc
from collections.abc import Mapping

# A cold start makes many objects and no garbage; to look for some every two thousand took a tenth of it.
gc.set_threshold(50_000)

from songpost.invoking import handle_writer  # noqa: E402  after the line above, which is for this import


def handler(event: Mapping[str, object], context: object) -> Mapping[str, object]:
    """One tick of the writer. `event` has the form of docs/environment.md; the result is the JSON summary of the tick."""
    return handle_writer(event, context)
