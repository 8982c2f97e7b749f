"""Every sub-command of `songpost` with its options, its help and an example, as one table.

A new command is a row of `COMMANDS`: its name, a line of help, an example, and the room (a module of `cli/`) whose
function of its name does the work. No work is done here, and nothing heavy is imported.
"""

from __future__ import annotations

from songpost.cli.words import Row, word

AT = word("--at", metavar="TIME", help="as if it were this time (2026-11-22T09:30+01:00); dry runs only")
DRY_RUN = (
    word(
        "--dry-run",
        nargs="?",
        const="true",
        default="true",
        choices=("true", "false"),
        help="live only with 'false'; alone it means true (default: true)",
    ),
    AT,
)
SETTINGS_FILE = word("file", metavar="FILE", help="a settings file (YAML)")
KEY = word("key", metavar="KEY", help="the action's key")
PROPOSAL = word("key", metavar="ID", help="the proposal's key")
EVERY_ACCOUNT = word("--all", action="store_true", help="every account of the store")
WATCH = word(
    "--watch",
    nargs="?",
    const=5.0,
    type=float,
    metavar="SECONDS",
    help="look again every so many seconds (default: 5) until Ctrl-C",
)

COMMANDS: tuple[Row, ...] = (
    Row(
        "run",
        "one tick of the writer: dry, it shows the day's plan and what it would do",
        "songpost run --mode post --dry-run false",
        "run",
        (word("--mode", choices=("post", "interact", "both"), required=True, help="what to do"), *DRY_RUN),
    ),
    Row(
        "read",
        "one tick of the reader",
        "songpost read --mode timeline",
        "run",
        (
            word("--mode", choices=("timeline", "mentions", "search", "all"), required=True, help="what to read"),
            *DRY_RUN,
        ),
    ),
    Row(
        "plan",
        "the slots of a day, with their texts",
        "songpost plan --date 2026-11-23",
        "show",
        (word("--date", metavar="D", help="a local date (default: today)"),),
        deeper=(
            Row("skip", "let a slot's post not happen", "songpost plan skip post/2026-11-22/morning/1", "plan", (KEY,)),
            Row(
                "move",
                "give a slot another time of its day",
                "songpost plan move post/2026-11-22/morning/1 10:15",
                "plan",
                (
                    KEY,
                    word("time", metavar="TIME", help="10:15 of the slot's day, or 2026-11-22T10:15; local time"),
                ),
            ),
            Row(
                "pin",
                "put a text of your own choice into the plan",
                "songpost plan pin 2026-11-23T09:30 --text 'We are at the fair all day.'",
                "plan",
                (word("time", metavar="TIME", help="09:30 of today, or 2026-11-23T09:30; local time"),),
                one_of=(
                    word("--text", metavar="T", help="the text itself"),
                    word("--content", metavar="ID", help="a text of the content files, by its id"),
                ),
            ),
        ),
    ),
    Row(
        "approvals",
        "what waits for your word, and the word",
        deeper=(
            Row(
                "list",
                "every proposal: its text, time and worst price",
                "songpost approvals list --json",
                "approvals",
                command="list_",
            ),
            Row(
                "approve",
                "let a proposal go out as it stands",
                "songpost approvals approve post/2026-11-22/morning/1",
                "approvals",
                (
                    PROPOSAL,
                    word("--seen", metavar="DIGEST", default="", help="only if it is what this digest was shown for"),
                ),
            ),
            Row(
                "reject",
                "let a proposal not happen",
                "songpost approvals reject post/2026-11-22/morning/1 --reason 'not today'",
                "approvals",
                (PROPOSAL, word("--reason", metavar="R", default="", help="why, for the record")),
            ),
            Row(
                "edit",
                "give a proposal another text; it waits for a word anew",
                "songpost approvals edit post/2026-11-22/morning/1 --text 'Mulch before the frost.'",
                "approvals",
                (
                    PROPOSAL,
                    word("--text", metavar="T", required=True, help="the new text"),
                    word("--part", type=int, default=1, metavar="N", help="of a thread: which post (default: 1)"),
                ),
            ),
        ),
    ),
    Row(
        "actions",
        "what was done, newest first",
        "songpost actions --state unknown --limit 5",
        "show",
        (
            word("--kind", metavar="K", help="only this kind (post, reply, …)"),
            word("--state", metavar="S", help="only this state (sent, unknown, …)"),
            word("--limit", type=int, default=20, metavar="N", help="at most so many (default: 20)"),
            WATCH,
        ),
        deeper=(
            Row(
                "show",
                "one action's story",
                "songpost actions show post/2026-11-22/morning/1",
                "show",
                (KEY,),
                command="action",
            ),
            Row(
                "resolve",
                "your word on an action of unknown outcome",
                "songpost actions resolve post/2026-11-22/morning/1 --lost",
                "control",
                (KEY,),
                one_of=(
                    word("--sent", metavar="ID", help="it is on X, as this post"),
                    word("--lost", action="store_true", help="it is not on X, and shall not be sent again"),
                ),
            ),
            Row(
                "resume",
                "let a thread that ended in part go on",
                "songpost actions resume post/2026-11-22/morning/1",
                "control",
                (KEY,),
                command="go_on",
            ),
            Row(
                "delete",
                "delete its posts on X, booked like any write",
                "songpost actions delete post/2026-11-22/morning/1 --dry-run false",
                "control",
                (KEY, *DRY_RUN),
            ),
        ),
    ),
    Row(
        "settle",
        "credit the posts that are due to the learner: all of them, or one",
        "songpost settle 1861234567890123456 --dry-run false",
        "learning",
        (word("post_id", nargs="?", default="", metavar="POST_ID", help="only this post, by its id on X"), *DRY_RUN),
    ),
    Row(
        "learning",
        "what each arm is believed to earn, and what would be chosen now",
        "songpost learning --watch",
        "learning",
        (word("--at", metavar="TIME", help="as believed at this time (2026-11-22T09:30+01:00)"), WATCH),
    ),
    Row("budget", "what is spent and left, and what would stop it", "songpost budget --watch 10", "show", (WATCH,)),
    Row("limits", "X's rate limits as last seen", "songpost limits --json", "show", (WATCH,)),
    Row(
        "forecast",
        "X and AWS dollars a month from the settings, and against what was spent",
        "songpost forecast --region us-east-1",
        "forecast",
        (
            word("--region", metavar="R", default="us-east-1", help="the stack's AWS region (default: us-east-1)"),
            word("--at", metavar="TIME", help="at the prices of this time (2026-11-22T09:30+01:00)"),
        ),
    ),
    Row(
        "evaluate",
        "what another policy would have earned, estimated from the decision log",
        "songpost evaluate --policy uniform\n  songpost evaluate --policy mine.json --log export.jsonl\n\n"
        'mine.json holds probabilities by arm: {"bread|noon|text": 0.7, …}. A log is\n'
        "what 'songpost export' wrote, or JSON Lines with the columns candidates,\n"
        "probabilities, chosen, reward; and modelled, thompson, greedy where known.",
        "evaluate",
        (
            word("--policy", metavar="P", required=True, help="uniform, greedy, thompson, or a JSON file"),
            word("--log", metavar="FILE", help="a log in a file (default: the account's own)"),
            word("--clip", type=float, metavar="W", help="cut weights at W: less variance, a value too low"),
        ),
    ),
    Row(
        "validate",
        "every error of a settings file and its content files, with its path",
        "songpost validate songpost.yaml",
        "settings",
        (SETTINGS_FILE,),
    ),
    Row(
        "settings",
        "settings and texts in the store",
        deeper=(
            Row(
                "push",
                "store validated settings and texts for the functions",
                "songpost settings push songpost.yaml",
                "settings",
                (SETTINGS_FILE,),
            ),
            Row("show", "the settings in force", "songpost settings show --json", "settings"),
        ),
    ),
    Row(
        "pause",
        "stop everything that is not committed yet",
        "songpost pause --reason holidays",
        "control",
        (word("--reason", metavar="R", default="paused by hand", help="why, for whoever looks next"), EVERY_ACCOUNT),
    ),
    Row("resume", "let the account act again", "songpost resume", "control", (EVERY_ACCOUNT,)),
    Row(
        "authorize",
        "ask X for consent in a browser (OAuth 2.0), and keep the tokens",
        "songpost authorize --to ssm",
        "authorize",
        (
            word(
                "--to",
                choices=("file", "ssm"),
                default="file",
                help="keep the tokens in X_TOKEN_FILE, or under SONGPOST_CREDENTIALS_PATH",
            ),
            word("--no-browser", action="store_true", help="print the address instead of opening it"),
        ),
    ),
    Row(
        "export",
        "the whole account as JSON Lines",
        "songpost export backup.jsonl",
        "moving",
        (
            word("file", metavar="FILE", help="the file to write"),
            word("--move", action="store_true", help="pause this account first: it goes on elsewhere"),
        ),
    ),
    Row(
        "import",
        "read an export, or the earlier agent's database, into a new account",
        "songpost import backup.jsonl --account copy",
        "moving",
        (word("file", metavar="FILE", help="an export, or agent_unified.db"),),
        command="import_",
    ),
    Row(
        "bundle",
        "what an incident needs, without secrets",
        "songpost bundle incident.zip",
        "moving",
        (word("file", metavar="FILE", help="the zip file to write; it must not exist"),),
    ),
    Row(
        "doctor",
        "what is in order, what is not, and what to do about it",
        "songpost doctor --dry-run false",
        "doctor",
        (
            word("--ledger", action="store_true", help="only the ledger: every chain and every counter"),
            word("--stack", metavar="NAME", default="", help="look at this stack in AWS, too"),
            word(
                "--dry-run",
                nargs="?",
                const="true",
                default="true",
                choices=("true", "false"),
                help="'false' asks X once who the credentials are, for the price of a user read",
            ),
        ),
        command="command",
    ),
    Row(
        "simulate",
        "days of the agent on a virtual clock, against an emulated X and a virtual audience",
        "songpost simulate --days 30 --faults rough",
        "simulate",
        (
            word("--days", type=int, required=True, metavar="N", help="how many days (1 to 3650)"),
            word("--seed", type=int, default=0, metavar="S", help="the same seed gives the same run (default: 0)"),
            word("--accounts", type=int, default=1, metavar="N", help="how many accounts (default: 1)"),
            word(
                "--faults",
                choices=("none", "rough", "hostile"),
                default="none",
                help="what goes wrong (default: none)",
            ),
            word("--report", metavar="FILE", help="write a report of the run (HTML)"),
        ),
        command="command",
    ),
    Row(
        "report",
        "one HTML file: what was posted, learned and spent, and what waits",
        "songpost report --out songpost-report.html",
        "report",
        (
            word(
                "--out", metavar="FILE", default="songpost-report.html", help="the file to write (default: %(default)s)"
            ),
            word("--at", metavar="TIME", help="as of this time (2026-11-22T09:30+01:00)"),
        ),
    ),
    Row(
        "replay",
        "make every stored decision again; differences are errors",
        "songpost replay --since 2026-11-22",
        "accounting",
        (word("--since", metavar="T", help="only plans from this date or time on (UTC)"),),
    ),
    Row(
        "explain",
        "one action's story in plain words",
        "songpost explain post/2026-11-22/morning/1",
        "accounting",
        (KEY,),
    ),
    Row(
        "sandbox",
        "an emulator of X on loopback, to try everything on",
        "songpost sandbox --port 8090",
        "sandbox",
        (
            word("--port", type=int, default=8090, metavar="P", help="the port on 127.0.0.1 (default: 8090; 0: any)"),
            word("--state", metavar="FILE", help="keep the sandbox's state in this file"),
        ),
    ),
)
