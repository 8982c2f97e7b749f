"""The command's words: every sub-command with its options, its help and an example. No work is done here."""

from __future__ import annotations

import argparse

from songpost import __version__


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of at most 80 columns, with the examples' lines kept as they are."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=80)


def parser() -> argparse.ArgumentParser:
    """Build the parser of `songpost`."""
    top = argparse.ArgumentParser(
        prog="songpost",
        description="Runs an X account by itself: once, under the ceiling, accountable.",
        epilog="Every command has --help with an example, and --json for machines.",
        formatter_class=_Help,
    )
    top.add_argument("--version", action="version", version=f"songpost {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _run(commands)
    _read(commands)
    _plan(commands)
    _actions(commands)
    _learning(commands)
    for name, line in (("budget", "what is spent and left"), ("limits", "X's rate limits as last seen")):
        _command(commands, name, line, f"songpost {name} --json", room="show")
    _validate(commands)
    _settings(commands)
    _switch(commands)
    _authorize(commands)
    _moving(commands)
    _sandbox(commands)
    _lab(commands)
    return top


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives this class no public name


def _command(
    commands: _Commands[argparse.ArgumentParser], name: str, line: str, example: str, *, room: str, command: str = ""
) -> argparse.ArgumentParser:
    words = commands.add_parser(
        name,
        help=line,
        description=line[0].upper() + line[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=_Help,
    )
    words.set_defaults(room=room, command=command or name)
    words.add_argument("--account", metavar="A", help="the account (default: SONGPOST_ACCOUNT, or 'default')")
    words.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return words


def _dry_run(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--dry-run",
        nargs="?",
        const="true",
        default="true",
        choices=("true", "false"),
        help="live only with 'false'; alone it means true (default: true)",
    )
    words.add_argument("--at", metavar="TIME", help="as if it were this time (2026-11-22T09:30+01:00); dry runs only")


def _run(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands,
        "run",
        "one tick of the writer: dry, it shows the day's plan and what it would do",
        "songpost run --mode post --dry-run false",
        room="run",
    )
    words.add_argument("--mode", choices=("post", "interact", "both"), required=True, help="what to do")
    _dry_run(words)


def _read(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(commands, "read", "one tick of the reader", "songpost read --mode timeline", room="run")
    words.add_argument("--mode", choices=("timeline", "mentions", "search", "all"), required=True, help="what to read")
    _dry_run(words)


def _plan(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands, "plan", "the slots of a day, with their texts", "songpost plan --date 2026-11-23", room="show"
    )
    words.add_argument("--date", metavar="D", help="a local date (default: today)")


def _actions(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands, "actions", "what was done, newest first", "songpost actions --state unknown --limit 5", room="show"
    )
    words.add_argument("--kind", metavar="K", help="only this kind (post, reply, …)")
    words.add_argument("--state", metavar="S", help="only this state (sent, unknown, …)")
    words.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default: 20)")
    deeper = words.add_subparsers(title="one action", metavar="")
    show = _command(
        deeper,
        "show",
        "one action's story",
        "songpost actions show post/2026-11-22/morning/1",
        room="show",
        command="action",
    )
    show.add_argument("key", metavar="KEY", help="the action's key")
    resolve = _command(
        deeper,
        "resolve",
        "your word on an action of unknown outcome",
        "songpost actions resolve post/2026-11-22/morning/1 --lost",
        room="control",
    )
    resolve.add_argument("key", metavar="KEY", help="the action's key")
    word = resolve.add_mutually_exclusive_group(required=True)
    word.add_argument("--sent", metavar="ID", help="it is on X, as this post")
    word.add_argument("--lost", action="store_true", help="it is not on X, and shall not be sent again")


def _learning(commands: _Commands[argparse.ArgumentParser]) -> None:
    settle = _command(
        commands,
        "settle",
        "credit the posts that are due to the learner: all of them, or one",
        "songpost settle 1861234567890123456 --dry-run false",
        room="learning",
    )
    settle.add_argument("post_id", nargs="?", default="", metavar="POST_ID", help="only this post, by its id on X")
    _dry_run(settle)
    learning = _command(
        commands,
        "learning",
        "what each arm is believed to earn, and what would be chosen now",
        "songpost learning --json",
        room="learning",
    )
    learning.add_argument("--at", metavar="TIME", help="as believed at this time (2026-11-22T09:30+01:00)")


def _validate(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands,
        "validate",
        "every error of a settings file and its content files, with its path",
        "songpost validate songpost.yaml",
        room="settings",
    )
    words.add_argument("file", metavar="FILE", help="a settings file (YAML)")


def _settings(commands: _Commands[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("settings", help="settings and texts in the store", formatter_class=_Help)
    deeper = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    push = _command(
        deeper,
        "push",
        "store validated settings and texts for the functions",
        "songpost settings push songpost.yaml",
        room="settings",
    )
    push.add_argument("file", metavar="FILE", help="a settings file (YAML)")
    _command(deeper, "show", "the settings in force", "songpost settings show --json", room="settings")


def _switch(commands: _Commands[argparse.ArgumentParser]) -> None:
    pause = _command(
        commands,
        "pause",
        "stop everything that is not committed yet",
        "songpost pause --reason holidays",
        room="control",
    )
    pause.add_argument("--reason", metavar="R", default="paused by hand", help="why, for whoever looks next")
    _command(commands, "resume", "let the account act again", "songpost resume", room="control")


def _authorize(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands,
        "authorize",
        "ask X for consent in a browser (OAuth 2.0), and keep the tokens",
        "songpost authorize --to ssm",
        room="authorize",
    )
    words.add_argument(
        "--to",
        choices=("file", "ssm"),
        default="file",
        help="keep the tokens in X_TOKEN_FILE, or under SONGPOST_CREDENTIALS_PATH",
    )
    words.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")


def _moving(commands: _Commands[argparse.ArgumentParser]) -> None:
    export = _command(
        commands, "export", "the whole account as JSON Lines", "songpost export backup.jsonl", room="moving"
    )
    export.add_argument("file", metavar="FILE", help="the file to write")
    export.add_argument("--move", action="store_true", help="pause this account first: it goes on elsewhere")
    import_ = _command(
        commands,
        "import",
        "read an export, or the earlier agent's database, into a new account",
        "songpost import backup.jsonl --account copy",
        room="moving",
        command="import_",
    )
    import_.add_argument("file", metavar="FILE", help="an export, or agent_unified.db")
    bundle = _command(
        commands, "bundle", "what an incident needs, without secrets", "songpost bundle incident.zip", room="moving"
    )
    bundle.add_argument("file", metavar="FILE", help="the zip file to write; it must not exist")
    doctor = _command(commands, "doctor", "check the ledger", "songpost doctor --ledger", room="moving")
    doctor.add_argument("--ledger", action="store_true", help="every history's chain and every counter")


def _sandbox(commands: _Commands[argparse.ArgumentParser]) -> None:
    words = _command(
        commands,
        "sandbox",
        "an emulator of X on loopback, to try everything on",
        "songpost sandbox --port 8090",
        room="sandbox",
    )
    words.add_argument(
        "--port", type=int, default=8090, metavar="P", help="the port on 127.0.0.1 (default: 8090; 0: any)"
    )
    words.add_argument("--state", metavar="FILE", help="keep the sandbox's state in this file")


def _lab(commands: _Commands[argparse.ArgumentParser]) -> None:
    simulate = _command(
        commands,
        "simulate",
        "days of the agent on a virtual clock, against an emulated X and a virtual audience",
        "songpost simulate --days 30 --faults rough",
        room="simulate",
        command="command",
    )
    simulate.add_argument("--days", type=int, required=True, metavar="N", help="how many days (1 to 3650)")
    simulate.add_argument(
        "--seed", type=int, default=0, metavar="S", help="the same seed gives the same run (default: 0)"
    )
    simulate.add_argument("--accounts", type=int, default=1, metavar="N", help="how many accounts (default: 1)")
    simulate.add_argument(
        "--faults", choices=("none", "rough", "hostile"), default="none", help="what goes wrong (default: none)"
    )
    simulate.add_argument("--report", metavar="FILE", help="write a report of the run (HTML)")
    replay = _command(
        commands,
        "replay",
        "make every stored decision again; differences are errors",
        "songpost replay --since 2026-11-22",
        room="accounting",
    )
    replay.add_argument("--since", metavar="T", help="only plans from this date or time on (UTC)")
    explain = _command(
        commands,
        "explain",
        "one action's story in plain words",
        "songpost explain post/2026-11-22/morning/1",
        room="accounting",
    )
    explain.add_argument("key", metavar="KEY", help="the action's key")
