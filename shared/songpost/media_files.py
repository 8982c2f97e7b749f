"""Where the bytes of media lie: on this machine's disk, or in S3 under the hash of what they are.

A laptop reads files; functions have none, so `settings push` keeps every medium of the texts in a bucket. An object's
name is the hash of its bytes: what the texts name can never become another picture.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from songpost import media_forms
from songpost.errors import NotFound, StoreUnavailable, StoreUnreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
PREFIX = "media/"
MOST_BYTES = max(form.largest_bytes for form in media_forms.FORMS)


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises `NotFound`, and `StoreUnavailable` where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound("there is no such file", where=str(path), mend="put it back, or mend its path") from None
    except OSError as error:
        raise StoreUnavailable(f"cannot be read: {error.strerror}", where=str(path), mend="see to its rights") from None


@dataclass(frozen=True, slots=True)
class MediaBucket:
    """The bucket of pushed media."""

    client: S3Client
    name: str

    def keep(self, data: bytes) -> str:
        """Keep a medium; return its `s3://` path. The same bytes have the same path. Raises `StoreUnavailable`."""
        from botocore.exceptions import BotoCoreError, ClientError

        form = media_forms.form_of(data)
        media_type = form.media_type if form is not None else "application/octet-stream"
        key = f"{PREFIX}{hashlib.sha256(data).hexdigest()}.{media_type.rpartition('/')[2]}"
        try:
            self.client.put_object(Bucket=self.name, Key=key, Body=data, ContentType=media_type)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable(error, f"{SCHEME}{self.name}/{key}", "s3:PutObject") from None
        return f"{SCHEME}{self.name}/{key}"

    def read(self, path: str) -> bytes:
        """The bytes of an `s3://bucket/key` path.

        Raises `NotFound`, `StoreUnavailable`, and `StoreUnreadable` where a kept medium is not what was kept.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, _, key = path.removeprefix(SCHEME).partition("/")
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key)
            data = answer["Body"].read(MOST_BYTES + 1)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise NotFound("there is no such object", where=path, mend="push the settings again") from None
            raise _unavailable(error, path, "s3:GetObject") from None
        if key.startswith(PREFIX) and hashlib.sha256(data).hexdigest() != Path(key).stem:
            raise StoreUnreadable("is not what was kept there", where=path, mend="push the settings again")
        return data


def _unavailable(error: Exception, path: str, permission: str) -> StoreUnavailable:
    """AWS's own words may quote a value: the class or code is enough."""
    response = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code", "") or type(error).__name__
    return StoreUnavailable(f"S3 says {code}", where=path, mend=f"check SONGPOST_MEDIA_BUCKET and {permission} on it")
