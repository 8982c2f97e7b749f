"""Settings and texts in the store, where live functions take them from: pushed whole, read back strictly.

Texts are items under the digest of their library, so a tick never sees half of an old and half of a new one:
first the new texts are written, then one commit moves the settings and the digest, then the old texts go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from songpost import media_forms
from songpost.agent import accounts, documents, ledger
from songpost.agent.documents import SETTINGS
from songpost.agent.ledger import Desk
from songpost.core import content
from songpost.core.content import Library
from songpost.errors import ContentError, Problem, Refusal, StoreUnreadable
from songpost.media_files import SCHEME, MediaBucket, read_file
from songpost.model import Json, Media, Text
from songpost.nouns import replace
from songpost.settings import Settings
from songpost.store.port import Change, DeleteItem, Loaded, PutDocument, PutItem, Store

LIBRARY = "library"
TEXTS = "texts"
BATCH = 90
"""Changes in one commit: DynamoDB takes 100."""


def stored_settings(loaded: Loaded) -> Settings | None:
    """The settings that were pushed, if any were."""
    document = loaded.documents.get(SETTINGS)
    return None if document is None else documents.decode_settings(document.body)


def stored_digest(loaded: Loaded) -> str:
    """The digest of the library that was pushed; empty where none was."""
    document = loaded.documents.get(LIBRARY)
    if document is None:
        return ""
    digest = document.body.get("digest")
    if not isinstance(digest, str):
        raise StoreUnreadable("has no digest", where="document library", mend="push the settings again")
    return digest


def stored_texts(store: Store, account: str, digest: str) -> Library:
    """The texts of one pushed library."""
    if not digest:
        return {}
    items = store.items(account, TEXTS, after=f"{digest}/", until=f"{digest}/~")
    return texts_of(item.body for item in items)


def texts_of(bodies: Iterable[Mapping[str, Json]]) -> Library:
    """Decode stored texts."""
    return content.library_of(documents.decode("text", body, Text) for body in bodies)


def published(library: Library, folder: Path, bucket: MediaBucket | None) -> Library:
    """The library with a copy of every medium in the bucket, where functions find it; `folder` is that of the settings.

    Texts without media need no bucket. Raises `Refusal` without one, `ContentError` for what X would not take, and the
    errors of reading and keeping a medium.
    """
    kept: dict[str, Media] = {}

    def kept_of(medium: Media) -> Media:
        if bucket is None:
            raise Refusal(
                "names a medium, and functions cannot read this machine's disk",
                where=medium.path,
                mend="set SONGPOST_MEDIA_BUCKET to a bucket that the writer may read (the stack's output MediaBucket)",
            )
        if medium.path not in kept:
            there = medium.path.startswith(SCHEME)
            data = bucket.read(medium.path) if there else read_file(folder / medium.path)
            form, fault = media_forms.form_of(data), media_forms.fault_of(data, len(data))
            if form is None or fault:
                raise ContentError((Problem(medium.path, fault),), where=medium.path)
            kept[medium.path] = replace(medium, path=bucket.keep(data), media_type=form.media_type)
        return replace(kept[medium.path], alt_text=medium.alt_text)

    return {topic: tuple(content.with_media(text, kept_of) for text in texts) for topic, texts in library.items()}


def push(desk: Desk, settings: Settings, library: Library) -> int:
    """Store settings and texts; return the new version of the settings.

    Raises `CommitConflict` where somebody else pushes at the same moment.
    """
    loaded = desk.store.load(desk.account)
    digest, old = content.digest(library), stored_digest(loaded)
    texts = [text for topic in sorted(library) for text in library[topic]]
    if digest != old:
        puts = [
            PutItem(TEXTS, f"{digest}/{number:05d}", documents.encode(text), if_absent=False)
            for number, text in enumerate(texts)
        ]
        _in_batches(desk, puts)
    version = _version(loaded, SETTINGS)
    ledger.commit(
        desk,
        [
            PutDocument(SETTINGS, documents.encode(settings), version),
            PutDocument(
                LIBRARY,
                {"digest": digest, "texts": len(texts), "schema_version": 1},
                _version(loaded, LIBRARY),
            ),
            accounts.registered(desk.account),
        ],
    )
    if old and digest != old:
        stale = desk.store.items(desk.account, TEXTS, after=f"{old}/", until=f"{old}/~")
        _in_batches(desk, [DeleteItem(TEXTS, item.key) for item in stale])
    return version + 1


def _version(loaded: Loaded, name: str) -> int:
    document = loaded.documents.get(name)
    return 0 if document is None else document.version


def _in_batches(desk: Desk, changes: Sequence[Change]) -> None:
    for batch in _batches(changes):
        ledger.commit(desk, batch)


def _batches(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    for start in range(0, len(changes), BATCH):
        yield changes[start : start + BATCH]
