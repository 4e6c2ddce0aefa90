"""The demo's cast: who publishes what, who subscribes to what, and how much they call."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

DOMAIN = "apim.localhost"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    staff_role: str = ""

    @property
    def email(self) -> str:
        return f"{self.name.split()[0].lower()}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """`unit_amount` in EUR per call; None is free of charge."""

    name: str
    summary: str
    limits: tuple[tuple[str, int], ...]
    unit_amount: Decimal | None = None
    included_calls: int = 0
    approval: str = "automatic"


@dataclass(frozen=True, slots=True)
class DemoProduct:
    name: str
    summary: str
    apis: tuple[str, ...]
    plans: tuple[DemoPlan, ...]


@dataclass(frozen=True, slots=True)
class DemoApplication:
    """`calls_per_day` is the mean of today; ninety days ago it was about a third of that."""

    name: str
    product: str
    plan: str
    calls_per_day: int


@dataclass(frozen=True, slots=True)
class DemoOrganization:
    name: str
    time_zone: str
    people: tuple[tuple[Person, str], ...]
    applications: tuple[DemoApplication, ...]


STAFF = (
    Person("Pia Publisher", "publisher"),
    Person("Fiona Finance", "finance"),
    Person("Sami Support", "support"),
)

# API slug -> (document in this folder, tags, operations with their share of calls)
APIS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sun": ("sun.yaml", ("astronomy", "time")),
    "geo": ("geo.yaml", ("geodesy", "maps")),
}

FREE = DemoPlan("Free", "To try it out.", (("second", 5), ("month", 10_000)))
PRODUCTS = (
    DemoProduct(
        "Sun",
        "Sunrise, sunset and the sun's position.",
        ("sun",),
        (
            FREE,
            DemoPlan(
                "Pro",
                "For programs that people rely on.",
                (("second", 50), ("minute", 1_500), ("month", 2_000_000)),
                Decimal("0.004"),
                2_000,
            ),
        ),
    ),
    DemoProduct(
        "Earth",
        "Sun times and geodesic distances together.",
        ("sun", "geo"),
        (
            FREE,
            DemoPlan(
                "Business",
                "Both APIs, one bill.",
                (("second", 100), ("day", 500_000)),
                Decimal("0.0025"),
                5_000,
            ),
            DemoPlan(
                "Enterprise",
                "Agreed limits; somebody looks at each request first.",
                (("second", 500), ("month", 50_000_000)),
                Decimal("0.001"),
                100_000,
                approval="manual",
            ),
        ),
    ),
)

ORGANIZATIONS = (
    DemoOrganization(
        "Harbor Lights",
        "Europe/London",
        ((Person("Alice Archer"), "owner"), (Person("Bob Brook"), "member")),
        (
            DemoApplication("Lighthouse clock", "Sun", "Pro", 700),
            DemoApplication("Tide board", "Earth", "Free", 100),
        ),
    ),
    DemoOrganization(
        "Nordwind Travel",
        "Europe/Berlin",
        ((Person("Carla Conrad"), "owner"), (Person("Dario Dietz"), "billing")),
        (
            DemoApplication("Trip planner", "Earth", "Business", 1_050),
            DemoApplication("Golden hour app", "Sun", "Free", 150),
        ),
    ),
    DemoOrganization(
        "Cartwheel Maps",
        "America/New_York",
        ((Person("Emil Eriksen"), "owner"),),
        (DemoApplication("Route service", "Earth", "Business", 500),),
    ),
)
# One request that waits for approval: organization, application, product, plan.
WAITING = ("Cartwheel Maps", "Fleet tracker", "Earth", "Enterprise")

# The version before the present one of an API: deprecated, and one application still calls it.
OLD_VERSION, VERSION, DRAFT_VERSION = "v0", "v1", "v2"
OLD_VERSION_OF, OLD_VERSION_CALLER, OLD_VERSION_SHARE = "sun", "Lighthouse clock", 0.15
DRAFT_OF = "geo"
# Applications whose keys have a story: rotated and in grace, about to expire, revoked.
ROTATED, EXPIRING, REVOKED = "Trip planner", "Golden hour app", "Lighthouse clock"
# The money's stories: who pays, whose card fails at first, who has credit or a discount.
PAYING = ("Harbor Lights", "Nordwind Travel", "Cartwheel Maps")
FAILING, CREDITED, DISCOUNTED = "Cartwheel Maps", "Harbor Lights", "Nordwind Travel"
# Extras: application, product, name, EUR per month.
ADD_ONS = (
    ("Lighthouse clock", "Sun", "Priority support", "19"),
    ("Trip planner", "Earth", "Priority support", "29"),
)
CREDIT_NOTE_MINOR = 250
# After the close of which month calls of it come in late, and how many of whom.
LATE_AFTER, LATE_CALLS, LATE_CALLER = 2, 400, "Lighthouse clock"
INVITED = ("Harbor Lights", "dana@apim.localhost", "member")
# Records that no gateway should send: they end up in quarantine.
UNREADABLE = (
    '{"id": "demo-broken-1", "ts": "yesterday at noon", "type": "DownstreamEnd", "status": 200}',
    '{"id": "demo-broken-2", "type": "DownstreamEnd", "method": "GET", "path": "/sun/v1/times"}',
    "2026-11-20 12:00:01 GET /sun/v1/times 200",
)

# Calls of the demo: API slug, path with query, operation's share of the API's calls in percent.
CALLS: tuple[tuple[str, str, int], ...] = (
    ("sun", "/times?date=2026-06-21&lat=51.5&lon=-0.12", 58),
    ("sun", "/times?lat=52.52&lon=13.4", 20),
    ("sun", "/position?lat=40.7&lon=-74", 20),
    ("sun", "/times?lat=north&lon=pole", 2),
    ("geo", "/distance?from=51.5,-0.12&to=48.85,2.35", 63),
    ("geo", "/destination?from=52.52,13.4&azimuth=90&distance=100000", 20),
    ("geo", "/midpoint?from=40.7,-74&to=34.05,-118.25", 15),
    ("geo", "/distance?from=nowhere&to=48.85,2.35", 2),
)
