"""Documents of the store as the nouns of `model.py`, and back: one table, strict both ways.

A document of a newer schema is refused, one of an older schema is moved by the steps in `MIGRATIONS`, and one
that does not decode is an error that names it. Nothing else in Songpost knows how a noun is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

from songpost.account_documents import (
    Control,
    DayPlan,
    Drafts,
    Fingerprints,
    Identity,
    Limits,
    Measuring,
    Positions,
    Timeline,
    Usage,
)
from songpost.agent import stored_usage
from songpost.core import similarity
from songpost.core import snapshot as names
from songpost.core.learning_state import Statistics
from songpost.core.snapshot import Snapshot
from songpost.errors import StoreNewer, StoreUnreadable, quote
from songpost.model import Json
from songpost.settings import Settings
from songpost.store import codec
from songpost.store.port import Change, CheckDocument, DeleteDocument, Loaded, PutDocument

T = TypeVar("T")
SETTINGS = "settings"
SCHEMA_VERSION = 1
SCHEMA_VERSIONS: Mapping[str, int] = {names.IDENTITY: 2, names.USAGE: 2}
"""The present version of a document by its name (`plan/` for every plan); `SCHEMA_VERSION` of any other."""


def _without_ownership(identity: dict[str, Json]) -> dict[str, Json]:
    """Who owns the app follows from the settings (`core/ownership.py`); the flag was never true."""
    return {key: value for key, value in identity.items() if key != "owns_app"} | {"schema_version": 2}


MIGRATIONS: Mapping[tuple[str, int], Callable[[dict[str, Json]], dict[str, Json]]] = {
    (names.IDENTITY, 1): _without_ownership,
    (names.USAGE, 1): stored_usage.packed,
}
"""Steps by document name (`plan/` for every plan) and the version that they start from."""


def encode(noun: object) -> dict[str, Json]:
    """A noun as plain JSON: times as RFC 3339 text, enums as their values."""
    import msgspec

    # to_builtins of a dataclass is a dict of JSON values; its signature cannot say so.
    return cast("dict[str, Json]", msgspec.to_builtins(noun, str_keys=True))


def decode(name: str, body: Mapping[str, Json], kind: type[T]) -> T:
    """Read a stored body as `kind`, moved to the present schema first.

    Raises `StoreNewer` for a later `schema_version`, `StoreUnreadable` for anything that does not fit.
    """
    import msgspec  # 30 ms: a dry run over an empty store does without

    current = dict(body)
    version = current.get("schema_version")
    family = names.PLAN_PREFIX if name.startswith(names.PLAN_PREFIX) else name
    present = SCHEMA_VERSIONS.get(family, SCHEMA_VERSION)
    if isinstance(version, int) and version > present:
        raise StoreNewer(
            f"is of schema version {version}, this Songpost knows {present}",
            where=f"document {name}",
            mend="run the newer Songpost that wrote it",
        )
    try:
        while isinstance(version, int) and version < present:
            step = MIGRATIONS.get((family, version))
            if step is None:
                break
            current, version = step(current), version + 1
        noun = msgspec.convert(current, kind, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise _unreadable(name, f"does not decode: {quote(str(error))}") from error
    if stray := codec.stray(current, encode(noun)):
        raise _unreadable(name, f"has the unknown field {quote(stray)}")
    return noun


def _unreadable(name: str, what: str) -> StoreUnreadable:
    return StoreUnreadable(what, where=f"document {name}", mend="restore the store from a backup, or import an export")


def decode_settings(body: Mapping[str, Json]) -> Settings:
    """The settings as `settings push` stored them."""
    return decode(SETTINGS, body, Settings)


def snapshot_of(
    account: str, loaded: Loaded, settings: Settings, known: tuple[Loaded, Snapshot] | None = None
) -> Snapshot:
    """Everything that one load brought, decoded. Raises as `decode` does.

    `known` is an earlier load with its snapshot: a document that is the same object in both is not decoded again.
    """

    def is_known(name: str) -> bool:
        return known is not None and known[0].documents.get(name) is loaded.documents[name]

    def noun(name: str, kind: type[T], absent: T) -> T:
        document = loaded.documents.get(name)
        if document is None:
            return absent
        if known is not None and is_known(name):
            return cast("T", getattr(known[1], name))  # what this name was decoded to
        return decode(name, document.body, kind)

    def plan(name: str, body: Mapping[str, Json]) -> DayPlan:
        if known is not None and is_known(name):
            return known[1].plans[name.removeprefix(names.PLAN_PREFIX)]
        return decode(name, body, DayPlan)

    plans = {
        name.removeprefix(names.PLAN_PREFIX): plan(name, document.body)
        for name, document in loaded.documents.items()
        if name.startswith(names.PLAN_PREFIX)
    }
    fingerprints = noun(names.FINGERPRINTS, Fingerprints, Fingerprints())
    for entry in () if known is not None and fingerprints is known[1].fingerprints else fingerprints.entries:
        try:
            similarity.posted_at(entry)
        except ValueError as error:
            raise _unreadable(names.FINGERPRINTS, str(error)) from error
    return Snapshot(
        account=account,
        settings=settings,
        control=noun(names.CONTROL, Control, Control()),
        identity=noun(names.IDENTITY, cast("type[Identity | None]", Identity), None),
        timeline=noun(names.TIMELINE, Timeline, Timeline()),
        usage=noun(names.USAGE, Usage, Usage()),
        limits=noun(names.LIMITS, Limits, Limits()),
        fingerprints=fingerprints,
        learning=noun(names.LEARNING, cast("type[Statistics | None]", Statistics), None),
        measuring=noun(names.MEASURING, Measuring, Measuring()),
        reading=noun(names.READING, Positions, Positions()),
        drafts=noun(names.DRAFTS, Drafts, Drafts()),
        plans=plans,
        actions={key: stored.action for key, stored in loaded.actions.items()},
        versions={name: document.version for name, document in loaded.documents.items()},
    )


def noun_of(snapshot: Snapshot, name: str) -> object:
    """The noun that a document of this name holds in a snapshot."""
    if name.startswith(names.PLAN_PREFIX):
        return snapshot.plans[name.removeprefix(names.PLAN_PREFIX)]
    return getattr(snapshot, name)


def changes_of(
    snapshot: Snapshot, versions: Mapping[str, int], written: Iterable[str], relied_on: Iterable[str]
) -> list[Change]:
    """Writes of the documents in `written` as `snapshot` has them, over these versions; checks of those relied on."""
    written = list(dict.fromkeys(written))
    puts: list[Change] = [
        PutDocument(name, codec.written(noun_of(snapshot, name)), versions.get(name, 0)) for name in written
    ]
    checks = [CheckDocument(name, versions.get(name, 0)) for name in dict.fromkeys(relied_on) if name not in written]
    return [*puts, *checks]


def moved(versions: Mapping[str, int], changes: Iterable[Change]) -> Mapping[str, int]:
    """The versions after these changes were committed: those of what was written are one higher."""
    after = dict(versions)
    for change in changes:
        if isinstance(change, PutDocument):
            after[change.name] = change.expected + 1
        elif isinstance(change, DeleteDocument):
            after.pop(change.name, None)
    return after
