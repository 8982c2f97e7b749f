"""The Lambda that acts on X: hands the event to the writer and returns its summary."""

from collections.abc import Mapping

from songpost.invoking import handle_writer


def handler(event: Mapping[str, object], context: object) -> Mapping[str, object]:
    """One tick of the writer. `event` has the form of docs/events.md; the result is the JSON summary of the tick."""
    return handle_writer(event, context)
