"""One walk through a description that finds what all rules look for.

All expressions together are a state machine over the edges of the document: a state says how far
one expression has come, a set of states is one integer, and what a set does at an edge is worked
out once and kept. Each container is entered at most once with each state, so that a schema that
many others refer to is looked at once: the walk is linear in the size of the document, with its
references followed and in spite of cycles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.frames import Frame
from apim.catalog.rulesets.given import Kind
from apim.catalog.rulesets.javascript import UNDEFINED
from apim.catalog.rulesets.script import is_for_holders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.budget import Budget
    from apim.catalog.rulesets.document import Document
    from apim.catalog.rulesets.given import Given, Segment
    from apim.catalog.rulesets.script import Evaluate


@dataclass(frozen=True, slots=True)
class Match:
    """Something that an expression found. `name` is its key where it is used, if it has one."""

    value: Any
    path: Path
    name: str | int | None


@dataclass(slots=True)
class _Outcome:
    """What happens at an edge: states that go on, expressions that end, states that go up."""

    states: int = 0
    # Index of an expression, and how far above the edge's end what it found lies.
    found: list[tuple[int, int]] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        return bool(self.found or self.jumps)


@dataclass(slots=True)
class _Step:
    """What a set of states does at the edges of one container."""

    always: _Outcome = field(default_factory=_Outcome)
    by_key: dict[str | int, _Outcome] = field(default_factory=dict)
    tests: list[tuple[Evaluate, _Outcome]] = field(default_factory=list)
    # Those that text, numbers and the like may pass.
    plain_tests: list[tuple[Evaluate, _Outcome]] = field(default_factory=list)
    spans: list[tuple[slice, _Outcome]] = field(default_factory=list)


class Machine:
    """The expressions of many rules as one machine."""

    def __init__(self, expressions: Sequence[Given]) -> None:
        self._expressions = expressions
        self._states: list[tuple[int, int, Segment]] = []
        self._first: list[int] = []
        for index, given in enumerate(expressions):
            self._first.append(len(self._states))
            self._states.extend((index, n, segment) for n, segment in enumerate(given.segments))
        self._steps: dict[int, _Step] = {}
        self.start = sum(
            1 << first
            for first, given in zip(self._first, expressions, strict=True)
            if given.segments
        )
        self.at_root = [index for index, given in enumerate(expressions) if not given.segments]

    def wants_key(self, index: int) -> bool:
        return self._expressions[index].wants_key

    def step(self, states: int) -> _Step:
        known = self._steps.get(states)
        if known is None:
            known = self._steps[states] = self._make_step(states)
        return known

    def _make_step(self, states: int) -> _Step:
        step = _Step()
        tests: dict[str, tuple[Evaluate, _Outcome]] = {}
        for bit, (index, number, segment) in enumerate(self._states):
            if not states >> bit & 1:
                continue
            if segment.is_deep:
                step.always.states |= 1 << bit
            for outcome in _outcomes(step, tests, segment):
                self._arrive(outcome, index, number, segment)
        for outcome in step.by_key.values():
            outcome.states |= step.always.states
            outcome.found += step.always.found
            outcome.jumps += step.always.jumps
        step.tests = list(tests.values())
        step.plain_tests = [one for one in step.tests if not is_for_holders(one[0])]
        return step

    def _arrive(self, outcome: _Outcome, index: int, number: int, segment: Segment) -> None:
        if number + 1 == len(self._expressions[index].segments):
            outcome.found.append((index, segment.ups))
        elif segment.ups:
            outcome.jumps.append((segment.ups, 1 << (self._first[index] + number + 1)))
        else:
            outcome.states |= 1 << (self._first[index] + number + 1)


def _outcomes(
    step: _Step, tests: dict[str, tuple[Evaluate, _Outcome]], segment: Segment
) -> Iterable[_Outcome]:
    if segment.kind is Kind.ANY:
        return (step.always,)
    if segment.kind is Kind.NAMES:
        return [step.by_key.setdefault(name, _Outcome()) for name in segment.names]
    if segment.span is not None:
        step.spans.append((segment.span, _Outcome()))
        return (step.spans[-1][1],)
    if segment.test is None:
        return ()
    return (tests.setdefault(segment.text, (segment.test, _Outcome()))[1],)


class Walk:
    """`found(expression, match)` is called for each thing found."""

    def __init__(
        self,
        machine: Machine,
        document: Document,
        *,
        is_resolved: bool,
        budget: Budget,
        found: Callable[[int, Match], None],
    ) -> None:
        self._machine = machine
        self._document = document
        self._is_resolved = is_resolved
        self._budget = budget
        self._found = found
        self._seen: dict[int, int] = {}
        self._pending: list[tuple[Frame, int]] = []

    def run(self, value: Any = UNDEFINED, path: Path = ()) -> None:
        """Through the document, or through the `value` that stands at `path`.

        Raises OutOfBudget.
        """
        data = self._document.data if value is UNDEFINED else value
        for index in self._machine.at_root:
            self._found(index, Match(data, path, None))
        if isinstance(data, dict | list):
            self._pending.append((Frame(data, path, None, None, data), self._machine.start))
        while self._pending:
            frame, states = self._pending.pop()
            seen = self._seen.get(id(frame.value), 0)
            if new := states & ~seen:
                self._seen[id(frame.value)] = seen | new
                self._enter(frame, self._machine.step(new))

    def _enter(self, frame: Frame, step: _Step) -> None:
        value = frame.value
        self._budget.spend(1 + len(value) * (1 + len(step.tests)))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        by_key, is_resolved = step.by_key, self._is_resolved
        in_span = _spans(step, value)
        looks_at_all = bool(step.plain_tests or in_span or step.always.is_final)
        for key, child in items:
            is_container = isinstance(child, dict | list)
            outcome = by_key.get(key)
            if not (is_container or outcome or looks_at_all):
                continue
            path: Path | None = None
            if is_resolved and is_container and isinstance(child, dict) and "$ref" in child:
                child, path = self._document.resolve(child, frame.path, key)  # noqa: PLW2901
            outcomes = [outcome or step.always]
            tests = step.tests if is_container else step.plain_tests
            if tests:
                outcomes += [passed for test, passed in tests if test(child, key, frame)]
            if in_span:
                outcomes += [reached for positions, reached in in_span if key in positions]
            self._go_on(frame, key, child, path, outcomes)

    def _go_on(
        self,
        frame: Frame,
        key: str | int,
        child: Any,
        path: Path | None,
        outcomes: list[_Outcome],
    ) -> None:
        states, is_final = 0, False
        for one in outcomes:
            states |= one.states
            is_final |= one.is_final
        is_container = isinstance(child, dict | list)
        if not is_final and not (states and is_container):
            return
        entered = Frame(child, (*frame.path, key) if path is None else path, key, frame, frame.root)
        if is_final:
            for one in outcomes:
                self._report(one, entered)
        if states and is_container:
            self._pending.append((entered, states))

    def _report(self, outcome: _Outcome, entered: Frame) -> None:
        for index, ups in outcome.found:
            frame = _above(entered, ups)
            value = frame.key if self._machine.wants_key(index) else frame.value
            self._found(index, Match(value, frame.path, frame.key))
        for ups, state in outcome.jumps:
            self._pending.append((_above(entered, ups), state))


def _above(frame: Frame, ups: int) -> Frame:
    for _ in range(ups):
        frame = frame.parent or frame
    return frame


def _spans(step: _Step, value: Any) -> list[tuple[range, _Outcome]]:
    if not step.spans or not isinstance(value, list):
        return []
    return [(range(*span.indices(len(value))), outcome) for span, outcome in step.spans]
