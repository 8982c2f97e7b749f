"""The texts of a simulated account: made up from its seed, enough for the duplicate guard."""

from __future__ import annotations

from songpost.agent.planning import Texts
from songpost.core import content, policy
from songpost.given import Given
from songpost.lab.simulation.audience import Dice
from songpost.model import Arm, Media, Text
from songpost.settings import Settings

WORDS_A_TEXT = 14
PICTURE = Media(path="picture.png", alt_text="What the words are about, as one would see it.")
PICTURE_BYTES = b"\x89PNG\r\n\x1a\n" + bytes(1_000)
"""What is uploaded for `PICTURE`: nobody looks at it, neither here nor in the sandbox."""


def made_up(settings: Settings, seed: int, shelf: int = 0) -> tuple[Text, ...]:
    """Texts for every topic, enough for the duplicate guard: the run shall test the agent, not the shelf.

    As many again have a picture, where media may go out. Those of another `shelf` have nothing in common with them:
    accounts of one store may not say the same.
    """
    dice = Dice(seed, f"texts/{shelf}" if shelf else "texts")
    syllables = [
        first + vowel + last for first in "bdfgklmnprstvw" for vowel in "aeiou" for last in ("", "l", "n", "r")
    ]
    enough = 2 * settings.posts_per_day * (settings.similarity.window_days + 3) // 3 + 2 * settings.posts_per_day + 8
    stocks: list[tuple[str, tuple[Media, ...]]] = [(topic, ()) for topic in (*settings.topics, content.REPLIES)]
    if policy.media_refusal(settings) is None:
        stocks += [(topic, (PICTURE,)) for topic in settings.topics]
    texts = []
    for topic, media in stocks:
        for number in range(enough):
            words = ["".join(dice.picks(syllables, 2 + number % 2)) for _ in range(WORDS_A_TEXT)]
            name = f"{topic}-{'pictured-' if media else ''}{number}"
            said = " ".join(words).capitalize() + "."
            texts.append(Text(id=name, topic=topic, variants=(said,), media=media))
    return tuple(texts)


def given_by(settings: Settings, texts: tuple[Text, ...]) -> Given:
    """Settings and texts as a session gets them."""
    library = content.library_of(texts)
    return Given(
        settings=settings, texts=Texts(digest=content.digest(library), load=lambda: library), source="the simulation"
    )


def arms_of(settings: Settings, texts: tuple[Text, ...]) -> tuple[Arm, ...]:
    """The arms that these texts offer."""
    stocks = sorted({(text.topic, bool(text.media)) for text in texts if text.topic in settings.topics})
    return tuple(Arm(topic, window, media) for topic, media in stocks for window in settings.schedule.windows)
