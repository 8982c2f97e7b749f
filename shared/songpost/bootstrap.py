"""The one composition root: from an environment to a running account. Nothing else builds an adapter.

Functions enter by `handle_writer` and `handle_reader`, the command by `open_session`. Whatever is heavy (X's
client, AWS, YAML) is built when it is first used, so a dry run on a laptop pays for none of it.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from songpost.account_documents import Identity
from songpost.agent import documents
from songpost.agent.enrolment import Passport, Told
from songpost.agent.ledger import Account, Desk
from songpost.agent.reconcile import TimelineRead
from songpost.agent.writing import Hand
from songpost.core.admission import CALL_SECONDS
from songpost.core.snapshot import IDENTITY, Snapshot
from songpost.errors import CredentialsError, NotFound, VariableError
from songpost.given import Given, found, settings_path
from songpost.mail import LoggedMail, Mail, sns_mail
from songpost.media_files import SCHEME, MediaBucket, read_file
from songpost.model import Action, Attempt, Media, Post, User
from songpost.runtime import Runtime
from songpost.store.opening import open_store
from songpost.store.port import Loaded, Store, StoredAction

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from songpost.agent.measuring import Eye, Seen
    from songpost.agent.reading import Sight, Window
    from songpost.core.reading_plan import Planned
    from songpost.core.sweep import Asked
    from songpost.source_settings import Feed, Model
    from songpost.sources.port import Source
    from songpost.x.authorization import Tokens
    from songpost.x.client import Client
    from songpost.x.credentials import Credentials
    from songpost.x.nouns import Answer, Attached
    from songpost.x.tokens import TokenStore
    from songpost.x.transport import Transport

logger = logging.getLogger(__name__)

TOKEN_LEASE = "oauth2"  # noqa: S105 - the name of a lease
READ_SECONDS = 20.0
"""The longest that one read of X may take, its retries included."""
Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The time of this machine, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Session:
    """One account, opened: its store, settings and texts, and X when it is asked for.

    `transport` carries the calls to X; without one they go over the network. `sleep` waits between two tries,
    `new_id` names attempts and commits, `chance` (of [0, 1)) keeps two that wait from meeting again.
    """

    runtime: Runtime
    environ: Mapping[str, str]
    store: Store
    clock: Clock
    file: Path | None
    transport: Transport | None = None
    sleep: Callable[[float], None] = time.sleep
    new_id: Callable[[], str] = field(default_factory=lambda: new_id)
    chance: Callable[[], float] = random.random
    _loaded: Loaded | None = None

    @property
    def account(self) -> str:
        """The account's name."""
        return self.runtime.account

    @cached_property
    def given(self) -> Given:
        """Settings and texts: of the file where there is one, else of the store."""
        return self._given(self.loaded)

    @property
    def loaded(self) -> Loaded:
        """The account as it was when the session first looked."""
        # No cached_property: before Python 3.12 it holds a lock of all sessions while it loads.
        if self._loaded is None:
            self._loaded = self.store.load(self.account)
        return self._loaded

    def _given(self, loaded: Loaded) -> Given:
        return found(self.runtime, self.file, self.store, loaded)

    def open(self) -> Account:
        """The account in hand, for the session's first decision."""
        return self._account(self.loaded)

    def _account(self, loaded: Loaded) -> Account:
        snapshot = documents.snapshot_of(self.account, loaded, self.given.settings)
        return Account(snapshot, dict(loaded.actions))

    def _reload(self) -> tuple[Snapshot, dict[str, StoredAction]]:
        loaded = self.store.load(self.account)
        if self.file is None:
            self.given = self._given(loaded)
        account = self._account(loaded)
        return account.snapshot, account.stored

    @cached_property
    def desk(self) -> Desk:
        """The ledger's desk over this session's store and clock."""
        return Desk(
            store=self.store,
            account=self.account,
            now=self.clock,
            sleep=self.sleep,
            new_id=self.new_id,
            chance=self.chance,
            reload=self._reload,
        )

    @cached_property
    def credentials(self) -> Credentials:
        """What proves to X who is asking. Raises `VariableError`, `CredentialsError`."""
        mode = self.runtime.auth_mode or self.given.settings.auth_mode.value
        if self.runtime.credentials_path:
            from songpost.x.parameters import credentials_under

            return credentials_under(ssm_client(), self.runtime.credentials_path, mode)
        from songpost.x.credentials import from_env

        return from_env(self.environ, mode)

    @cached_property
    def client(self) -> Client:
        """X's client; asking for it means that a call is about to be made."""
        if self.runtime.dry_run:
            raise CredentialsError("a dry run calls X not at all", where="DRY_RUN", mend="this is a fault; report it")
        from songpost.x import open_client

        return open_client(
            self.credentials,
            clock=self.clock,
            sleep=self.sleep,
            tokens=self._tokens(),
            transport=self.wire,
        )

    @cached_property
    def wire(self) -> Transport:
        """What carries calls to X: the given transport, or the network."""
        if self.transport is not None:
            return self.transport
        from songpost.x.network import NetworkTransport

        return NetworkTransport(clock=self.clock, base_url=self.runtime.x_api_base_url)

    def _tokens(self) -> Tokens | None:
        """The rotating pair of OAuth 2.0, refreshed under a lease of this store; none for OAuth 1.0a."""
        from songpost.x.credentials import OAuth2
        from songpost.x.tokens import Grant

        if not isinstance(self.credentials, OAuth2):
            return None
        lease = StoreLease(self.store, self.account)
        return Grant(self.credentials, self.token_store(), lease, self.wire, self.clock, self.sleep)

    def token_store(self, *, to_ssm: bool | None = None) -> TokenStore:
        """Where the pair of tokens lives: in SSM where a path is named, else in a file."""
        from songpost.x.credentials import OAuth2

        path = self.runtime.credentials_path
        if bool(path) if to_ssm is None else to_ssm:
            from songpost.x.token_ssm import SsmTokens

            if not path:
                raise VariableError(
                    "is not set, so there is no path for the tokens",
                    where="SONGPOST_CREDENTIALS_PATH",
                    mend="set it to the stack's CredentialsPath, such as /songpost/default",
                )
            return SsmTokens(ssm_client(), path)
        from songpost.x.token_file import TokenFile

        if not isinstance(self.credentials, OAuth2):
            raise CredentialsError("OAuth 1.0a has no tokens", where="X_AUTH_MODE", mend="set it to oauth2")
        return TokenFile(self.credentials.token_file)

    @cached_property
    def hand(self) -> Hand:
        """What acts on X for the writer."""
        return Hand(passport=self._passport(), read_timeline=self._timeline, upload=self._upload, create=self._create)

    @cached_property
    def mail(self) -> Mail:
        """Where notices to the owner go: the topic of the environment, or the log."""
        topic = self.runtime.mail_topic
        return sns_mail(topic) if topic else LoggedMail()

    def eye(self) -> Eye:
        """What reads X for the reader."""
        from songpost.agent.measuring import Eye

        return Eye(passport=self._passport(), posts=self._seen_by_ids, timeline=self._seen_in_timeline)

    def _passport(self) -> Passport:
        credentials = self.credentials
        return Passport(credentials=credentials.digest, user_id=credentials.user_id, me=self._me, posts=self._posts)

    def _seen_by_ids(self, post_ids: tuple[str, ...]) -> Seen:
        from songpost.agent.measuring import Seen
        from songpost.x.nouns import NOT_GIVEN

        answer = self.client.posts(post_ids, deadline=self._deadline())
        metrics = {post.id: post.metrics for post in answer.value.posts}
        gone = {post_id: why for post_id, why in answer.value.missing.items() if why != NOT_GIVEN}
        return Seen(metrics=metrics, gone=gone, complete=False, told=self._told(answer))

    def _seen_in_timeline(self, user_id: str, asked: Asked, most: int) -> Seen:
        from songpost.agent.measuring import Seen

        answer = self.client.timeline(
            user_id, since_id=asked.since_id, until_id=asked.until_id, max_posts=most, deadline=self._deadline()
        )
        metrics = {post.id: post.metrics for post in answer.value.posts}
        told, posts = self._told(answer), answer.value.posts
        return Seen(metrics=metrics, gone={}, complete=answer.value.complete, told=told, posts=posts)

    def window(self) -> Window:
        """What reads X for the reader's inbox, a page at a time."""
        from songpost.agent.reading import Window

        return Window(passport=self._passport(), page=self._page)

    def source(self, of: Feed | Model) -> Source:
        """A feed or a model, to be asked for texts."""
        from songpost.source_settings import Feed

        if isinstance(of, Feed):
            from songpost.sources.feeds import FeedSource

            return FeedSource(of.url)
        from songpost.sources.bedrock import ModelSource, open_client

        return ModelSource(of, open_client(of))

    def _page(self, planned: Planned) -> Sight:
        from songpost.agent.reading import Sight

        wanted, asked = planned.wanted, planned.asked
        reads = {"mentions": self.client.mentions, "search": self.client.search, "timeline": self.client.timeline}
        answer = reads[wanted.endpoint.name](
            wanted.subject,
            max_posts=planned.most,
            deadline=self._deadline(),
            since_id=asked.since_id,
            until_id=asked.until_id,
            next_token=asked.token,
        )
        page = answer.value
        return Sight(
            posts=page.posts,
            complete=page.complete,
            next_token=page.next_token,
            told=self._told(answer),
            stopped=page.stopped_by,
        )

    def _deadline(self, seconds: float = READ_SECONDS) -> datetime:
        return self.clock() + timedelta(seconds=seconds)

    def _me(self) -> tuple[User, Told]:
        answer = self.client.me(deadline=self._deadline())
        return answer.value, self._told(answer)

    def _posts(self, user_id: str, most: int) -> tuple[tuple[Post, ...], Told]:
        answer = self.client.timeline(user_id, max_posts=most, deadline=self._deadline())
        return answer.value.posts, self._told(answer)

    def _timeline(self, user_id: str, since_id: str, most: int) -> TimelineRead:
        asked_at = self.clock()
        answer = self.client.timeline(user_id, since_id=since_id, max_posts=most, deadline=self._deadline())
        return TimelineRead(
            posts=answer.value.posts,
            complete=answer.value.complete,
            read_at=asked_at,
            resources=answer.resources,
            limits=answer.limits,
        )

    def _upload(self, action: Action, attempt: Attempt) -> Attached:
        from songpost.x.media import attach

        return attach(self.client, action.media, self._medium, deadline=attempt.send_deadline_at)

    def _medium(self, medium: Media) -> bytes:
        """The bytes of a medium: from S3, or from a file beside the settings."""
        if medium.path.startswith(SCHEME):
            return self.media_bucket.read(medium.path)
        if self.file is None:
            raise NotFound(
                "lies on somebody's disk, which a function cannot read",
                where=medium.path,
                mend="set SONGPOST_MEDIA_BUCKET and push the settings again",
            )
        return read_file(self.file.parent / medium.path)

    @cached_property
    def media_bucket(self) -> MediaBucket:
        """Where the media of pushed texts lie; built when the first one is wanted."""
        return MediaBucket(s3_client(), self.runtime.media_bucket)

    def _create(self, action: Action, attempt: Attempt, media_ids: tuple[str, ...]) -> tuple[Post | None, Told]:
        from songpost.x.acting import carry_out

        send_by, deadline = attempt.send_deadline_at, attempt.send_deadline_at + timedelta(seconds=CALL_SECONDS)
        answer = carry_out(self._acting(), action, media_ids, send_by=send_by, deadline=deadline)
        return answer.value, self._told(answer)

    def _acting(self) -> Client:
        """The client, knowing whose the account is: routes of reposts, likes and follows hold the own user's id."""
        identity = self.loaded.documents.get(IDENTITY)
        if not self.client.user_id and identity is not None:
            self.client.user_id = documents.decode(IDENTITY, identity.body, Identity).user_id
        return self.client

    def _told(self, answer: Answer[object]) -> Told:
        return Told(
            resources=answer.resources,
            skew_seconds=answer.skew_seconds,
            limits=answer.limits,
            at=answer.answered_at or self.clock(),
        )

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def s3_client() -> S3Client:
    """AWS's object store."""
    import boto3

    return boto3.client("s3")


def ssm_client() -> SSMClient:
    """AWS's parameter store."""
    import boto3

    return boto3.client("ssm")


@dataclass(frozen=True, slots=True)
class StoreLease:
    """The lease on refreshing tokens (`x.tokens.Lease`), kept in the account's store."""

    store: Store
    account: str

    def acquire(self, holder: str, now: datetime, until: datetime) -> bool:
        """Take it until `until` if it is free, over, or already this holder's."""
        return self.store.acquire_lease(self.account, TOKEN_LEASE, holder, now, until)

    def release(self, holder: str) -> None:
        """Give it back."""
        self.store.release_lease(self.account, TOKEN_LEASE, holder)


def new_id() -> str:
    """A fresh id for an attempt or a commit's token: 32 hex digits."""
    return secrets.token_hex(16)


def open_session(
    runtime: Runtime, environ: Mapping[str, str], *, clock: Clock = system_clock, write: bool | None = None
) -> Session:
    """Open an account. A dry run opens its store read-only; `write` says otherwise for commands that must.

    Raises the errors of the store, and `VariableError`.
    """
    read_only = runtime.dry_run if write is None else not write
    store = open_store(runtime.store, read_only=read_only)
    return Session(runtime=runtime, environ=environ, store=store, clock=clock, file=settings_path(runtime))
