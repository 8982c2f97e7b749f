"""What the owner decides about sources of text besides content files: feeds, and a model of Amazon Bedrock.

Nouns only, as in `settings.py`, which holds them; bounds stand on the fields, where the validator finds them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from songpost.bounds import FORBID_UNKNOWN, Bounds
from songpost.nouns import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """An RSS or Atom feed whose entries become texts of a topic: title and link, looked at every so many hours.

    At most `most_per_look` new entries are taken at a time; a text that has not gone out in `keep_days` is let go.
    """

    __pydantic_config__ = FORBID_UNKNOWN
    url: Annotated[str, Bounds(min_length=1)]
    topic: Annotated[str, Bounds(min_length=1)]
    every_hours: Annotated[int, Bounds(ge=1, le=168)] = 6
    most_per_look: Annotated[int, Bounds(ge=1, le=10)] = 2
    keep_days: Annotated[int, Bounds(ge=1, le=30)] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of Amazon Bedrock that drafts texts of a topic, `texts` at a time.

    Its prices are US dollars a million tokens, as AWS lists them for `model_id` in `region` (empty: the function's
    own); they are asked for because a call without a price is never made.
    """

    __pydantic_config__ = FORBID_UNKNOWN
    model_id: Annotated[str, Bounds(min_length=1)]
    topic: Annotated[str, Bounds(min_length=1)]
    prompt: Annotated[str, Bounds(min_length=1)]
    usd_per_million_input_tokens: Annotated[Decimal, Bounds(ge=0, le=1000)]
    usd_per_million_output_tokens: Annotated[Decimal, Bounds(ge=0, le=1000)]
    region: str = ""
    every_hours: Annotated[int, Bounds(ge=1, le=168)] = 24
    texts: Annotated[int, Bounds(ge=1, le=10)] = 3
    most_tokens: Annotated[int, Bounds(ge=50, le=4000)] = 800
    keep_days: Annotated[int, Bounds(ge=1, le=30)] = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where texts come from besides content files; nowhere by default."""

    __pydantic_config__ = FORBID_UNKNOWN
    feeds: tuple[Feed, ...] = ()
    models: tuple[Model, ...] = ()
