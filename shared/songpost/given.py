"""Where settings and texts come from: a person's file, the store, or in a dry run the example that ships.

What the stack's parameters say (`Runtime.plan`, `Runtime.monthly_budget_usd`) bounds the settings, and never loosens
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from songpost.agent import documents, library
from songpost.agent.planning import Texts
from songpost.core import content
from songpost.errors import Refusal
from songpost.nouns import replace
from songpost.runtime import Runtime
from songpost.settings import Settings
from songpost.store.port import Loaded, Store

EXAMPLE = "songpost.example.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Settings and texts as a file or the store gave them; `source` says which."""

    settings: Settings
    texts: Texts
    source: str


def found(runtime: Runtime, file: Path | None, store: Store, loaded: Loaded) -> Given:
    """Settings and texts for a run, inside the stack's bounds.

    Raises `Refusal` where a live run has neither a file nor settings in the store, and the errors of a file.
    """
    given = _found(runtime, file, store, loaded)
    return replace(given, settings=bounded(given.settings, runtime))


def _found(runtime: Runtime, file: Path | None, store: Store, loaded: Loaded) -> Given:
    if file is not None:
        return from_file(file)
    stored = library.stored_settings(loaded)
    if stored is not None:
        digest = library.stored_digest(loaded)
        texts = Texts(digest=digest, load=lambda: library.stored_texts(store, runtime.account, digest))
        return Given(settings=stored, texts=texts, source="the store")
    if runtime.dry_run:
        example = _example()
        if example is not None:
            return from_file(example)
    raise Refusal(
        "no settings: neither a file nor the store has any",
        where="SONGPOST_SETTINGS",
        mend="write songpost.yaml (songpost.example.yaml shows every key), or run 'songpost settings push FILE'",
    )


def bounded(settings: Settings, runtime: Runtime) -> Settings:
    """The settings within the environment's bounds: the named plan or none, and the lower of the two ceilings.

    Raises `Refusal` where the plans differ: its prices and caps would be another's.
    """
    if runtime.plan not in {"", settings.plan.value}:
        raise Refusal(
            f"is {runtime.plan!r}, but the account's settings say {settings.plan.value!r}",
            where="SONGPOST_PLAN",
            mend="correct the one that is wrong: the stack's Plan, or plan in the settings ('songpost settings push')",
        )
    ceiling, budget = runtime.monthly_budget_usd, settings.budget
    if ceiling is None or ceiling >= budget.usd_per_month:
        return settings
    return replace(settings, budget=replace(budget, usd_per_month=ceiling))


def settings_path(runtime: Runtime) -> Path | None:
    """The settings file of a laptop; a function has none: it takes its settings from the store alone."""
    if runtime.in_lambda:
        return None
    if runtime.settings_path:
        return Path(runtime.settings_path)
    here = Path("songpost.yaml")
    return here if here.is_file() else None


def _example() -> Path | None:
    """The example that ships: here, at the top of the checkout, or beside the code in a function's layer."""
    package = Path(__file__).resolve().parent
    candidates = (Path(EXAMPLE), package.parents[1] / EXAMPLE, package / "example.json")
    return next((path for path in candidates if path.is_file()), None)


def from_file(path: Path) -> Given:
    """Settings and texts of a file: a person's YAML, or the example in its canonical form."""
    if path.suffix == ".json":
        body = json.loads(path.read_bytes())
        texts = library.texts_of(body["texts"])
        known = Texts(digest=content.digest(texts), load=lambda: texts)
        return Given(settings=documents.decode_settings(body["settings"]), texts=known, source=path.name)
    from songpost import content_file, settings_file

    settings = settings_file.load(path).settings
    texts = content_file.load(settings, path.parent)
    known = Texts(digest=content.digest(texts), load=lambda: texts)
    return Given(settings=settings, texts=known, source=str(path))
