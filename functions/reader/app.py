"""The Lambda that reads X and writes only state: hands the event to the reader and returns its summary."""

from collections.abc import Mapping

from songpost.invoking import handle_reader


def handler(event: Mapping[str, object], context: object) -> Mapping[str, object]:
    """One tick of the reader. `event` has the form of docs/events.md; the result is the JSON summary of the tick."""
    return handle_reader(event, context)
