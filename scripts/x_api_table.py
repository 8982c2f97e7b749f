"""Writes the table of X's calls in docs/x-api.md from `songpost.endpoints`. A test holds the two in step.

.venv/bin/python scripts/x_api_table.py
"""

from __future__ import annotations

from pathlib import Path

from songpost.endpoints import ENDPOINTS

PAGE = Path(__file__).parents[1] / "docs" / "x-api.md"
HEAD = """# The calls to X

Every call that Songpost can make, from the table that admission prices it by, the client sends it by, and the sandbox
is held to: `shared/songpost/endpoints.py`. Made by `scripts/x_api_table.py`.

- *price*: the line of the price list; a create with anything that X links costs more, a summoned reply less.
- *lost answer*: `harmless`, asking again changes nothing; `repeatable`, a second time changes nothing more; `open`,
  only the own timeline can tell.
- *again by itself*: `safe`, also when no usable answer came; `unsent`, only where nothing can have happened.

| call | endpoint | price | lost answer | again by itself | rate windows | scopes |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| {name} | `{call.key}` | {call.price.value} | {call.lost.value} | {call.retry.value} "
        f"| {', '.join(call.buckets)} | {', '.join(call.scopes) or 'none'} |"
        for name, call in ENDPOINTS.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
