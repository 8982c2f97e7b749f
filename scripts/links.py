"""Checks the links of the documents: those inside the repository, or with `--outside` those that leave it.

    python3 scripts/links.py [--outside]

A link inside must name a file that git knows, and where it has a `#fragment`, a heading of that file. Outside, the
address must answer; what refuses robots (401, 403, 405, 429) counts as there. Standard library alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
REFUSES_ROBOTS = frozenset({401, 403, 405, 429, 999})


def documents() -> list[Path]:
    """The Markdown files that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607 - whichever git is here
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).is_file()]


def links(path: Path) -> Iterator[str]:
    """The targets of a document's links; code is no link."""
    text = CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))
    for found in LINK.finditer(text):
        yield found.group(1)


def fragments(path: Path) -> set[str]:
    """The fragments by which a document's headings are reached, as GitHub makes them."""
    seen: dict[str, int] = {}
    made: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\([^)]*\)", "", heading).lower()).strip().replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        made.add(f"{slug}-{count}" if count else slug)
    return made


def inside(path: Path, target: str) -> str:
    """What is wrong with a link inside the repository; empty where nothing is."""
    name, _, fragment = target.partition("#")
    there = (path.parent / name).resolve() if name else path
    if not there.is_relative_to(REPOSITORY):
        return "leads out of the repository"
    if not there.exists():
        return "names no file"
    if fragment and there.suffix == ".md" and fragment not in fragments(there):
        return "names no heading"
    return ""


def outside(address: str) -> str:
    """What is wrong with an address; empty where nothing is."""
    request = urllib.request.Request(address, headers={"User-Agent": "songpost-links"})  # noqa: S310 - http(s), see main
    try:
        with urllib.request.urlopen(request, timeout=20):  # noqa: S310 - http(s), see main
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in REFUSES_ROBOTS else f"answers {error.code}"
    except OSError as error:
        return f"does not answer ({error})"


def main(argv: list[str]) -> int:
    """Check, and print what is broken."""
    broken = 0
    for path in documents():
        for target in links(path):
            leaves = target.startswith(("http://", "https://"))
            if leaves != ("--outside" in argv) or target.startswith("mailto:"):
                continue
            wrong = outside(target) if leaves else inside(path, target)
            if wrong:
                broken += 1
                print(f"{path.relative_to(REPOSITORY)}: {target} {wrong}", file=sys.stderr)
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
