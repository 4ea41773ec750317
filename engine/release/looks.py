"""The looks of one step at live answers and outcomes: when one is due, what it spends, and what goes on record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.release.answers import Answers, Found, compare, is_due

if TYPE_CHECKING:
    from engine.release.realised import Labelled
    from engine.release.work import Work
    from engine.settings.model import JudgeSettings
    from store.rows import Version

MOST_KEPT = 12  # looks that a step keeps: the first rows double many times before they are forgotten
ASK_OUTCOMES_S = 5.0  # outcomes come in deliveries: reading them all each second would find nothing new
NAMES = {"predictions": "answers", "metric": "outcomes"}


@dataclass(slots=True)
class Series:
    """The looks at one thing; `rows` is what the last one saw. It goes on where a killed attempt left off."""

    look: int = 0
    rows: float = 0.0
    found: Found | None = None
    kept: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_record(cls, told: dict[str, Any]) -> Series:
        """Take up what an earlier attempt has written."""
        looks = list(told.get("looks", ()))
        return cls(int(told.get("look", 0)), float(told.get("looked_rows", 0.0)), None, looks)

    def is_due(self, rows: float, *, closing: bool) -> bool:
        """Say whether to look now; the last look of a step is due whenever there is anything new."""
        return is_due(rows, self.rows) or (closing and rows > self.rows)

    def take(self, found: Found, rows: float, at: int) -> None:
        """Keep a look. One that had too few rows to say anything has spent nothing."""
        self.found = found
        if found.verdict != "no data":
            self.look, self.rows = self.look + 1, rows
            self.kept = [*self.kept, {"at": at, "verdict": found.verdict, **found.figures}][-MOST_KEPT:]

    def record(self) -> dict[str, Any]:
        """Return what goes on the step's record."""
        if self.found is None:
            return {"verdict": "no data", "detail": "", "look": self.look, "looked_rows": self.rows, "looks": self.kept}
        told = {"verdict": self.found.verdict, "detail": self.found.detail, **self.found.figures}
        return {**told, "look": self.look, "looked_rows": self.rows, "looks": self.kept}


class Looks:
    """Judges answers and outcomes of one step, as the settings of the release say."""

    def __init__(
        self, work: Work, versions: tuple[Version, Version], since: tuple[int, int], observed: dict[str, Any]
    ) -> None:
        """`versions` and `since` (microseconds) are the new version's and the champion's."""
        self._work, self._versions, self._since = work, versions, since
        self._concurrent = since[0] == since[1]
        self._settings: JudgeSettings = work.settings.deploy.judge
        self._metric = self._metric_name()
        self.series = {name: Series.from_record(observed.get(name, {})) for name in ("predictions", "metric")}
        self._asked_at = 0

    def look(self, new: Answers, champion: Answers, *, closing: bool) -> None:
        """Look at the answers of both versions, and at their outcomes, where it is time to."""
        at = self._work.deck.clock.now()
        size, answers = self._settings.predictions, self.series["predictions"]
        if size is not None and answers.is_due(len(new), closing=closing):
            found = compare(new, champion, size, answers.look + 1, concurrent=self._concurrent)
            answers.take(found, len(new), at)
        ratio, outcomes = self._settings.metric, self.series["metric"]
        if ratio is None or not self._metric:
            return
        if closing or at - self._asked_at >= ASK_OUTCOMES_S * 1_000_000:
            self._asked_at = at
            self._look_at_outcomes(new, champion, ratio, outcomes, at, closing=closing)

    def _look_at_outcomes(
        self, new: Answers, champion: Answers, ratio: float, series: Series, at: int, *, closing: bool
    ) -> None:
        from engine.release.realised import compare_metric

        first, second = self.outcomes(new, champion)
        if first is None or second is None:
            return
        if series.is_due(len(first), closing=closing) or series.found is None:
            found = compare_metric(
                self._metric,
                first,
                second,
                ratio,
                self._settings.labels,
                series.look + 1,
                concurrent=self._concurrent,
            )
            series.take(found, len(first), at)

    def outcomes(self, new: Answers, champion: Answers) -> tuple[Labelled | None, Labelled | None]:
        """Return the rows of both versions whose outcome is known; None where none has come at all."""
        from engine.release.outcomes import labelled

        known = self._work.instruments.outcomes(
            self._work.deck, self._work.release().endpoint, min(self._since), (*new.ids, *champion.ids)
        )
        if not known:
            return None, None
        return labelled(new, self._versions[0], known), labelled(champion, self._versions[1], known)

    def harm(self) -> str:
        """Return what is beyond doubt wrong with answers or outcomes, or nothing."""
        return next((self._told(name) for name, one in self.series.items() if _is(one, "failed")), "")

    def differs(self) -> bool:
        """Say whether it is the answers that are too different, and nothing worse."""
        return _is(self.series["predictions"], "failed") and not _is(self.series["metric"], "failed")

    def doubt(self) -> str:
        """Return what looks wrong and is not certain yet, or nothing."""
        return next(
            (self._told(name) for name, one in self.series.items() if one.found is not None and one.found.suspect), ""
        )

    def records(self) -> dict[str, Any]:
        """Return what goes on the step's record: `predictions` and `metric`, each where it is judged."""
        told: dict[str, Any] = {}
        if self._settings.predictions is not None:
            told["predictions"] = self.series["predictions"].record()
        if self._settings.metric is not None and self._metric:
            told["metric"] = {"metric": self._metric, **self.series["metric"].record()}
            told["metric"]["detail"] = told["metric"]["detail"] or "no outcomes have come"
        return told

    def _told(self, name: str) -> str:
        found = self.series[name].found
        return f"{NAMES[name]}: {found.detail}" if found is not None else ""

    def _metric_name(self) -> str:
        """Return the metric that outcomes are judged by; none for a task whose answers are no value and no label."""
        if self._work.settings.task not in ("regression", "classification"):
            return ""
        from engine.monitoring.losses import primary_metric

        return primary_metric(self._work.settings, self._versions[0])

    @property
    def metric(self) -> str:
        """The metric of the new version, empty for a task without one."""
        return self._metric

    @property
    def greater_is_better(self) -> bool:
        """Whether more of the metric is better."""
        from engine.measures.metrics import find

        return bool(self._metric) and find(self._metric).greater_is_better


def _is(series: Series, verdict: str) -> bool:
    return series.found is not None and series.found.verdict == verdict
