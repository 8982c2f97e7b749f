"""The pair of tokens in a file of a laptop: mode 0600, written whole or not at all, locked while it changes."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from songpost.errors import StoreUnavailable, StoreUnreadable
from songpost.nouns import replace
from songpost.x.tokens import MEND, Pair, decoded, encoded


class TokenFile:
    """A `tokens.TokenStore` in one file. Several processes may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Pair | None:
        """Read the pair; `None` without a file. Raises `StoreUnreadable`: no pair, or others could read it."""
        try:
            with self._path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise StoreUnreadable(
                        "can be read by others", where=str(self._path), mend="chmod 600 it, and " + MEND
                    )
                return decoded(file.read(), str(self._path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(
                f"cannot be read: {error.strerror}", where=str(self._path), mend="see to the file"
            ) from error

    def claim(self, pair: Pair) -> bool:
        """Write down that this generation is being spent."""
        with self._locked():
            current = self.load()
            if current is None or current.generation != pair.generation or current.spending:
                return False
            self._write(replace(current, spending=True))
            return True

    def unclaim(self, pair: Pair) -> None:
        """Take the claim back."""
        with self._locked():
            current = self.load()
            if current is not None and current.generation == pair.generation:
                self._write(replace(current, spending=False))

    def save(self, pair: Pair) -> bool:
        """Store a newer generation; it is on the disk when this returns."""
        with self._locked():
            current = self.load()
            if current is not None and current.generation >= pair.generation:
                return False
            self._write(pair)
            return True

    def forget(self) -> None:
        """Remove the pair: it has moved to another home."""
        with self._locked():
            self._path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock beside the file: the file itself is replaced, so a lock on it would be lost with it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot be locked: {error.strerror}", where=str(self._path), mend="see to the folder"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, pair: Pair) -> None:
        """Replace the file by a new one that nobody else can read, synced before it takes the name."""
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(encoded(pair))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot be written: {error.strerror}", where=str(self._path), mend="see to the disk"
            ) from error
