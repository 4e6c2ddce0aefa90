"""Walking down two schemas at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim.catalog.diff.schemas.found import Found, Frame, Spot
from apim.catalog.diff.schemas.look import Identity, Look, Step
from apim.catalog.diff.schemas.members import Matching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from apim.catalog.diff.document import Document, Node, Sameness

# Pairs of schemas compared for two documents, and steps from pair to pair over all operations. The
# largest real ones (two versions of a 10 MB description) need a tenth.
MAX_LOOKS = 100_000
MAX_STEPS = 1_500_000
# Deeper ones are told of as changed.
MAX_DEPTH = 100
# Rewritings within rewritings, each of which compares what it rewrites.
_MAX_NESTED = 30


class _Place:
    """A pair of schemas as it is judged in one frame, and what a look at it gave (or None).

    Two places of one `core` differ in nothing that is worth telling twice; what is told at a
    `stronger` one need not be told here.
    """

    __slots__ = ("below", "core", "found", "pair", "step", "stronger")

    def __init__(self, step: Step, core: int, stronger: int) -> None:
        self.step, self.core, self.stronger = step, core, stronger
        self.pair = step.identity
        self.found: list[Found] | None = None
        self.below: list[tuple[_Place, tuple[str, ...]]] = []


class _Reached:
    """A place on the way from the first one; `labels` lead to it from the place above."""

    __slots__ = ("above", "labels", "place")

    def __init__(self, place: _Place, above: _Reached | None, labels: tuple[str, ...]) -> None:
        self.place, self.above, self.labels = place, above, labels

    def label(self) -> tuple[str, ...]:
        parts = []
        one: _Reached | None = self
        while one is not None:
            parts.append(one.labels)
            one = one.above
        return tuple(label for labels in reversed(parts) for label in labels)


class Walks:
    """Compares schemas of the two documents; what a pair of roots gives is found only once.

    A walk goes breadth first: what several properties share is told of where it is nearest, and
    schemas that refer to each other in circles are met at once.
    """

    def __init__(self, old: Document, new: Document, sameness: Sameness, today: date) -> None:
        self.old, self.new, self.sameness, self.today = old, new, sameness, today
        self.matching = Matching(old, new, sameness)
        self._looks_left, self._steps_left = MAX_LOOKS, MAX_STEPS
        self._known: dict[object, tuple[Found, ...]] = {}
        self._places: dict[object, _Place] = {}
        self._cores: dict[object, int] = {}
        # The pairs being compared, each because the one before might be rewritten; and how often
        # one was met again.
        self._under_way: list[tuple[Identity, Identity]] = []
        self._circles = 0

    def compare(self, old: Node, new: Node, frame: Frame) -> tuple[Found, ...]:
        """Every difference between the schemas at two nodes."""
        first = self.step(old, new, Spot())
        if first is None:
            return ()
        key = (first.identity, frame)
        if key not in self._known:
            self._known[key] = tuple(self._walk(first, frame))
        return self._known[key]

    def is_equivalent(self, old: Node, new: Node, frame: Frame) -> bool:
        """Whether two schemas allow the same values, annotations aside."""
        first = self.step(old, new, Spot())
        if first is None:
            return True
        return len(self._under_way) <= _MAX_NESTED and not any(self._walk(first, frame))

    def step(self, old: Node, new: Node, spot: Spot, *, is_required: bool = False) -> Step | None:
        """The two schemas, references followed; None if nothing differs."""
        if self.sameness.same(old.value, new.value):
            return None
        old, new = self.old.follow_schema(old), self.new.follow_schema(new)
        return Step(old, new, spot, is_required)

    def _walk(self, first: Step, frame: Frame) -> Iterator[Found]:
        place = self._place(first, frame)
        seen = {place.core}
        level = [] if self._is_under_way(place) else [_Reached(place, None, ())]
        depth = 0
        while level:
            reached, level = level, []
            for one in reached:
                found, below = self._look(one.place, frame, is_too_deep=depth > MAX_DEPTH)
                if found:
                    label = one.label()
                    yield from (each.at(label) for each in found)
                for place, labels in below:
                    if place.core in seen or place.stronger in seen or self._is_under_way(place):
                        continue
                    seen.add(place.core)
                    level.append(_Reached(place, one, labels))
                if self._steps_left < 0:
                    return
            depth += 1

    def _is_under_way(self, place: _Place) -> bool:
        if place.pair not in self._under_way:
            return False
        self._circles += 1
        return True

    def _place(self, step: Step, frame: Frame) -> _Place:
        pair, spot = step.identity, step.spot
        core = (pair, spot.is_uncertain, spot.is_unsent)
        key = (*core, frame, spot.is_root, step.is_required)
        place = self._places.get(key)
        if place is None:
            stronger = self._core((pair, spot.is_uncertain, False)) if spot.is_unsent else -1
            place = self._places[key] = _Place(step, self._core(core), stronger)
        return place

    def _core(self, core: object) -> int:
        return self._cores.setdefault(core, len(self._cores))

    def _look(
        self, place: _Place, frame: Frame, *, is_too_deep: bool
    ) -> tuple[list[Found], list[tuple[_Place, tuple[str, ...]]]]:
        self._steps_left -= 1
        if is_too_deep or self._steps_left < 0:
            return [Look(self).give_up(place.step, frame)], []
        if place.found is not None:
            return place.found, place.below
        self._looks_left -= 1
        if self._looks_left < 0:
            return [Look(self).give_up(place.step, frame)], []
        circles = self._circles
        self._under_way.append(place.pair)
        look = Look(self)
        look.compare(place.step, frame)
        self._under_way.pop()
        below = [(self._place(step, frame), step.spot.label) for step in look.below]
        # Within a circle it holds only as long as what is under way.
        if circles == self._circles or not self._under_way:
            place.found, place.below = look.found, below
        return look.found, below
