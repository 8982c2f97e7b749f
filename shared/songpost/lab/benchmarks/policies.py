"""Who plays in the benchmark: Songpost's own policy by its shipped code, plain baselines, and three libraries.

Each policy is asked for a day's arms and told credits as they arrive. The libraries (extra `bench`) are imported
where they are used, with the settings that did best for them in a scan on other seeds; docs/learning.md says which.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module

from songpost.core import bandit, learning_state
from songpost.core.learning_state import FRACTION_BITS, Reward
from songpost.lab.benchmarks.worlds import Audience
from songpost.model import Arm

START_AT = datetime(2026, 1, 1, tzinfo=UTC)
POSTS = 3
SCALE = 1.0 / (1 << FRACTION_BITS)


class Policy(ABC):
    """Chooses `POSTS` arms in different windows for each day, and hears of each post's reward once."""

    def __init__(self, audience: Audience, seed: int) -> None:
        self.windows = [int(window) for window in audience.window]
        self.factors = [
            (int(t), int(w), int(m)) for t, w, m in zip(audience.topic, audience.window, audience.media, strict=True)
        ]
        self.arms = list(range(len(self.factors)))
        self.random = random.Random(f"policy/{audience.world.name}/{seed}")
        self.seed = seed

    @abstractmethod
    def choose(self, day: int) -> Sequence[int]:
        """The arms of a day."""

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: B027 - uniform policies do not listen
        """Hear what the post that was made with `arm` on `day` earned."""

    def best(self, scores: Sequence[float]) -> list[int]:
        """The best arms by score in different windows; ties fall at random."""
        found: list[int] = []
        for arm in sorted(self.arms, key=lambda arm: (-scores[arm], self.random.random())):
            if all(self.windows[arm] != self.windows[other] for other in found):
                found.append(arm)
                if len(found) == POSTS:
                    break
        return found


class Songpost(Policy):
    """The shipped policy: `choose_day` and `observe`, nothing beside them."""

    floor = 0.0
    enabled = True

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        self.named = [Arm(f"topic{t}", f"window{w}", bool(m)) for t, w, m in self.factors]
        self.index = {arm: index for index, arm in enumerate(self.named)}
        self.offered: dict[str, list[Arm]] = {}
        for arm in self.named:
            self.offered.setdefault(arm.window, []).append(arm)
        self.rooms = dict.fromkeys(self.offered, 1)
        self.statistics = learning_state.fresh(START_AT)

    def choose(self, day: int) -> Sequence[int]:
        """A day plan with fewer posts than windows."""
        decisions = bandit.choose_day(
            self.offered,
            self.rooms,
            POSTS,
            self.statistics,
            f"{self.seed}/{day}",
            START_AT + timedelta(days=day),
            floor=self.floor,
            enabled=self.enabled,
        )
        return [self.index[decision.arm] for decision in decisions]

    def credit(self, day: int, arm: int, reward: Reward) -> None:
        """One credit."""
        self.statistics = bandit.observe(self.statistics, self.named[arm], reward, START_AT + timedelta(days=day))


class SongpostFloor(Songpost):
    """The shipped policy with a twentieth of its choices left to chance, for off-policy estimates."""

    floor = 0.05


class Uniform(Songpost):
    """What `learning.enabled: false` does."""

    enabled = False


class AsShipped(Policy):
    """The earlier agent as it ran: a topic by Beta(1, 1) draws that no update ever reached."""

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002 - it knew no time
        """A topic for each of three windows."""
        found = []
        for window in self.random.sample(sorted(set(self.windows)), POSTS):
            topics = sorted({topic for topic, _, _ in self.factors})
            draws = {topic: self.random.betavariate(1, 1) for topic in topics}
            topic = max(topics, key=draws.__getitem__)
            found.append(self.random.choice([a for a in self.arms if self.factors[a][:2] == (topic, window)]))
        return found


class AsMeant(Policy):
    """The earlier agent as it was meant: Beta(1, 1) Thompson sampling on the rate of each arm."""

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        self.beta = [[1.0, 1.0] for _ in self.arms]

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """Draw all arms, take the best."""
        return self.best([self.random.betavariate(a, b) for a, b in self.beta])

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: ARG002
        """A rate is a fraction of a success."""
        self.beta[arm][0] += reward.rate * SCALE
        self.beta[arm][1] += 1.0 - reward.rate * SCALE


class DiscountedBeta(AsMeant):
    """Beta Thompson sampling that forgets with a half-life of 60 days."""

    def choose(self, day: int) -> Sequence[int]:
        """Forget a day, then draw."""
        kept = 0.5 ** (1 / 60)
        self.beta = [[1 + (a - 1) * kept, 1 + (b - 1) * kept] for a, b in self.beta]
        return super().choose(day)


class Means(Policy):
    """Keeps each arm's mean rate and count."""

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        self.sums = [0.0] * len(self.arms)
        self.counts = [0] * len(self.arms)

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: ARG002
        """Add it up."""
        self.sums[arm] += reward.rate * SCALE
        self.counts[arm] += 1

    def means(self) -> list[float]:
        """Mean rates, zero where there is none."""
        return [s / max(n, 1) for s, n in zip(self.sums, self.counts, strict=True)]


class EpsilonGreedy(Means):
    """A tenth by chance, else the best mean so far."""

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """Each of the day's posts rolls for itself."""
        means = self.means()
        return self.best(
            [value + (1.0 if self.random.random() < 0.1 * POSTS / len(self.arms) else 0.0) for value in means]
        )


class Ucb1(Means):
    """UCB1 (Auer et al. 2002) on the raw rate, as if it filled 0..1."""

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """Untried arms first."""
        total = math.log(max(sum(self.counts), 1))
        means = self.means()
        return self.best(
            [m + math.sqrt(2 * total / n) if n else math.inf for m, n in zip(means, self.counts, strict=True)]
        )


class MabWiser(Policy):
    """MABWiser's UCB1 over the arms, on the smoothed log rate.

    It takes an arm without data for one that earned 0, so rewards are moved below that: untried arms come first.
    """

    alpha = 0.1
    moved = 1.5

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        library = import_module("mabwiser.mab")
        self.bandit = library.MAB(list(self.arms), library.LearningPolicy.UCB1(alpha=self.alpha), seed=seed)
        self.known = False

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """By its expectations, which are its upper bounds."""
        if not self.known:
            return self.best([0.0] * len(self.arms))
        scores = self.bandit.predict_expectations()
        return self.best([scores[arm] for arm in self.arms])

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: ARG002
        """Its first data must come by `fit`."""
        learn = self.bandit.partial_fit if self.known else self.bandit.fit
        learn([arm], [reward.log_rate * SCALE - self.moved])
        self.known = True


class MabWiserFactors(MabWiser):
    """MABWiser with one UCB1 for each factor, their bounds added."""

    alpha = 0.1

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        library = import_module("mabwiser.mab")
        self.bandits = [
            library.MAB(sorted({f[k] for f in self.factors}), library.LearningPolicy.UCB1(alpha=self.alpha), seed=seed)
            for k in range(3)
        ]

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """The sum over topic, window and media."""
        if not self.known:
            return self.best([0.0] * len(self.arms))
        scores = [one.predict_expectations() for one in self.bandits]
        return self.best([sum(scores[k][f[k]] for k in range(3)) for f in self.factors])

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: ARG002
        """Each factor hears it."""
        for one, value in zip(self.bandits, self.factors[arm], strict=True):
            (one.partial_fit if self.known else one.fit)([value], [reward.log_rate * SCALE - self.moved])
        self.known = True


class River(Policy):
    """River's UCB over the arms, on the smoothed log rate."""

    delta = 0.1

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        self.bandit = import_module("river.bandit").UCB(delta=self.delta, seed=seed)

    def choose(self, day: int) -> Sequence[int]:  # noqa: ARG002
        """One pull for each post, among the windows that are left."""
        found: list[int] = []
        left: list[int | str] = list(self.arms)
        for _ in range(POSTS):
            found.append(int(self.bandit.pull(left)))
            left = [arm for arm in self.arms if all(self.windows[arm] != self.windows[other] for other in found)]
        return found

    def credit(self, day: int, arm: int, reward: Reward) -> None:  # noqa: ARG002
        """One update."""
        self.bandit.update(arm, reward.log_rate * SCALE)


class VowpalWabbit(Policy):
    """Vowpal Wabbit's SquareCB with action-dependent features, with all interactions, on the scaled rate."""

    options = "--cb_explore_adf --squarecb --gamma_scale 100 -l 2 -q :: --cubic ::: --quiet"
    full_rate = 0.05

    def __init__(self, audience: Audience, seed: int) -> None:
        super().__init__(audience, seed)
        self.learner = import_module("vowpalwabbit").Workspace(f"{self.options} --random_seed {seed + 1}")
        self.lines = [f"|t t{t} |w w{w} |m m{m}" for t, w, m in self.factors]
        self.logged: dict[tuple[int, int], tuple[list[int], float]] = {}

    def choose(self, day: int) -> Sequence[int]:
        """Sample its distribution for each post, among the windows that are left."""
        found: list[int] = []
        left = list(self.arms)
        for _ in range(POSTS):
            weights = self.learner.predict([self.lines[arm] for arm in left])
            index = self.random.choices(range(len(left)), weights)[0]
            self.logged[day, left[index]] = (left, weights[index] / sum(weights))
            found.append(left[index])
            left = [arm for arm in left if self.windows[arm] != self.windows[found[-1]]]
        return found

    def credit(self, day: int, arm: int, reward: Reward) -> None:
        """The cost is the negative rate, of which `full_rate` counts as 1."""
        left, probability = self.logged.pop((day, arm))
        cost = -reward.rate * SCALE / self.full_rate
        self.learner.learn([f"0:{cost}:{probability} {self.lines[a]}" if a == arm else self.lines[a] for a in left])


Maker = Callable[[Audience, int], Policy]

POLICIES: dict[str, Maker] = {
    "songpost": Songpost,
    "songpost, floor 5 %": SongpostFloor,
    "uniform": Uniform,
    "earlier agent as shipped": AsShipped,
    "earlier agent as meant": AsMeant,
    "discounted Beta TS": DiscountedBeta,
    "epsilon-greedy": EpsilonGreedy,
    "UCB1": Ucb1,
    "MABWiser UCB1": MabWiser,
    "MABWiser UCB1 a factor": MabWiserFactors,
    "River UCB": River,
    "Vowpal Wabbit SquareCB": VowpalWabbit,
}
LIBRARIES = ("MABWiser UCB1", "MABWiser UCB1 a factor", "River UCB", "Vowpal Wabbit SquareCB")
