"""The tables and views of a SQLite store, for the adapter and for people with a SQL prompt.

Columns that repeat what a body says are generated from it, so they cannot disagree. `PRAGMA user_version` is the
layout that a file is in; a higher one than `SCHEMA_VERSION` is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from songpost.account_documents import RATE_BITS, WEIGHT_BITS

APPLICATION_ID = 0x534F4E47
"""`PRAGMA application_id`: `SONG` in ASCII. A database without it is another program's."""

_OPEN = "('planned', 'proposed', 'sending', 'unknown')"

_ITEMS = """CREATE TABLE items (
        account TEXT NOT NULL,
        collection TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (account, collection, key)
    ) STRICT, WITHOUT ROWID"""
_COMMITS = """CREATE TABLE commits (
        account TEXT NOT NULL,
        token TEXT NOT NULL,
        digest TEXT NOT NULL,
        committed_at INTEGER NOT NULL,
        PRIMARY KEY (account, token)
    ) STRICT, WITHOUT ROWID"""

_TABLES = (
    """CREATE TABLE documents (
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (account, name)
    ) STRICT""",
    f"""CREATE TABLE actions (
        account TEXT NOT NULL,
        key TEXT NOT NULL,
        version INTEGER NOT NULL,
        date TEXT NOT NULL,
        price_micros INTEGER NOT NULL,
        body TEXT NOT NULL,
        kind TEXT AS (json_extract(body, '$.kind')) STORED,
        state TEXT AS (json_extract(body, '$.state')) STORED,
        is_open INTEGER AS (json_extract(body, '$.state') IN {_OPEN}) STORED,
        due_at TEXT AS (json_extract(body, '$.due_at')) STORED,
        closes_at TEXT AS (json_extract(body, '$.closes_at')) STORED,
        retry_at TEXT AS (json_extract(body, '$.retry_at')) STORED,
        posted_at TEXT AS (json_extract(body, '$.posted_at')) STORED,
        updated_at TEXT AS (json_extract(body, '$.updated_at')) STORED,
        post_id TEXT AS (json_extract(body, '$.post_id')) STORED,
        target_id TEXT AS (json_extract(body, '$.target_id')) STORED,
        topic TEXT AS (json_extract(body, '$.arm.topic')) STORED,
        "window" TEXT AS (json_extract(body, '$.window')) STORED,
        media INTEGER AS (json_array_length(body, '$.media')) STORED,
        text TEXT AS (json_extract(body, '$.text')) STORED,
        gate TEXT AS (json_extract(body, '$.gate')) STORED,
        reason TEXT AS (json_extract(body, '$.reason')) STORED,
        PRIMARY KEY (account, key)
    ) STRICT""",
    "CREATE INDEX actions_by_time ON actions (account, due_at, key)",
    "CREATE INDEX open_actions ON actions (account, key) WHERE is_open",
    _ITEMS,
    """CREATE TABLE leases (
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        holder TEXT NOT NULL,
        until TEXT NOT NULL,
        PRIMARY KEY (account, name)
    ) STRICT""",
    _COMMITS,
)

_VIEWS = (
    """CREATE VIEW action_log AS
        SELECT actions.account, actions.key, line.key + 1 AS line,
            json_extract(line.value, '$.at') AS at,
            json_extract(line.value, '$.state') AS state,
            json_extract(line.value, '$.note') AS note,
            json_extract(line.value, '$.attempt_id') AS attempt_id,
            json_extract(line.value, '$.digest') AS digest
        FROM actions, json_each(actions.body, '$.history') AS line""",
    """CREATE VIEW rate_limits AS
        SELECT documents.account, bucket.key AS name,
            json_extract(bucket.value, '$.limit') AS limit_total,
            json_extract(bucket.value, '$.remaining') AS remaining,
            json_extract(bucket.value, '$.reset_at') AS reset_at,
            json_extract(bucket.value, '$.seen_at') AS seen_at,
            json_extract(bucket.value, '$.source') AS source
        FROM documents, json_each(documents.body, '$.buckets') AS bucket
        WHERE documents.name = 'limits'""",
    """CREATE VIEW usage_monthly AS
        SELECT documents.account, month.key AS period,
            json_extract(month.value, '$.writes') AS writes,
            json_extract(month.value, '$.reads') AS reads,
            json_extract(month.value, '$.spent_micros') AS spent_micros,
            json_extract(month.value, '$.spent_micros') / 1000000.0 AS spent_usd
        FROM documents, json_each(documents.body, '$.months') AS month
        WHERE documents.name = 'usage'""",
    # An arm's key is topic|window|media; its counters are fixed-point sums (core/learning_state.py): posts, then
    # weights, weighted rates and weighted log rates.
    f"""CREATE VIEW bandit AS
        WITH arms AS (
            SELECT documents.account, arm.key AS arm,
                instr(arm.key, '|') AS first,
                instr(arm.key, '|') + instr(substr(arm.key, instr(arm.key, '|') + 1), '|') AS second,
                json_extract(arm.value, '$[0]') AS posts,
                CAST(json_extract(arm.value, '$[1]') AS REAL) AS weights,
                json_extract(arm.value, '$[2]') AS rates,
                json_extract(arm.value, '$[3]') AS log_rates
            FROM documents, json_each(documents.body, '$.counters') AS arm
            WHERE documents.name = 'learning'
        )
        SELECT account, arm,
            replace(replace(substr(arm, 1, first - 1), '%7C', '|'), '%25', '%') AS topic,
            replace(replace(substr(arm, first + 1, second - first - 1), '%7C', '|'), '%25', '%') AS "window",
            substr(arm, second + 1) = '1' AS media,
            posts, rates / weights / {1 << (RATE_BITS - WEIGHT_BITS)} AS mean_rate,
            log_rates / weights AS mean_log_rate
        FROM arms""",  # noqa: S608 - two constants of our own
)

_BY_KEY_ALONE = (
    "ALTER TABLE items RENAME TO old_items",
    _ITEMS,
    "INSERT INTO items SELECT account, collection, key, body, expires_at FROM old_items",
    "DROP TABLE old_items",
    "ALTER TABLE commits RENAME TO old_commits",
    _COMMITS,
    "INSERT INTO commits SELECT account, token, digest, committed_at FROM old_commits",
    "DROP TABLE old_commits",
)
"""Items and tokens in the tree of their key alone: a commit writes a quarter fewer pages (docs/decisions/0132)."""

WITH_TABLES = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
"""What goes with a table that is made anew, an owner's own too."""
RETIRED = frozenset({"commits_by_time"})
"""What steps take away for good."""

FRESH = (*_TABLES, *_VIEWS)
"""What an empty file becomes."""
STEPS: Mapping[int, tuple[str, ...]] = {1: _BY_KEY_ALONE}
"""By the layout that a file is in, what brings it to the next one."""
SCHEMA_VERSION = 2
