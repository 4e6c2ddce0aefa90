"""Where the sun stands and when it rises, after NOAA's solar calculator.

Formulas: gml.noaa.gov/grad/solcalc/calcdetails.html, which follow Jean Meeus, Astronomical
Algorithms. Good to a minute between 72° north and south for years around ours.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import acos, asin, atan2, cos, degrees, pi, radians, sin, tan
from typing import Literal

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
CENTURY_DAYS = 36525.0
# The upper edge of the sun, lifted by refraction: 90° and 50 minutes of arc.
RISING_ZENITH = radians(90.833)
REFINEMENTS = 3  # the declination moves between noon and sunset; three rounds settle it

Kind = Literal["normal", "polar_day", "polar_night"]


@dataclass(frozen=True)
class Orbit:
    """Declination in radians, equation of time in minutes."""

    declination: float
    equation_minutes: float


@dataclass(frozen=True)
class SunTimes:
    """Instants in UTC; rise and set are None where the sun stays up or down all day."""

    kind: Kind
    sunrise: datetime | None
    solar_noon: datetime
    sunset: datetime | None
    day_length: timedelta


@dataclass(frozen=True)
class Position:
    """Degrees; the azimuth runs clockwise from north, the elevation is without refraction."""

    elevation: float
    azimuth: float


def orbit_at(moment: datetime) -> Orbit:
    """Return what the earth's orbit says about the sun at a moment."""
    century = (moment - J2000) / timedelta(days=CENTURY_DAYS)
    longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent = longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    obliquity = radians(23 + (26 + seconds / 60) / 60 + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation = (
        y * sin(2 * longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * longitude)
        - 0.5 * y * y * sin(4 * longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return Orbit(
        declination=asin(sin(obliquity) * sin(apparent)), equation_minutes=4 * degrees(equation)
    )


def sun_times(*, day: date, latitude: float, longitude: float) -> SunTimes:
    """Return the times of the solar day whose noon falls on `day` at that longitude."""
    noon = _solar_noon(day, longitude)
    sunrise = _crossing(noon, latitude, direction=-1)
    sunset = _crossing(noon, latitude, direction=1)
    if isinstance(sunrise, datetime) and isinstance(sunset, datetime):
        return SunTimes("normal", sunrise, noon, sunset, sunset - sunrise)
    is_up = position_at(moment=noon, latitude=latitude, longitude=longitude).elevation > 0
    whole_day = timedelta(days=1) if is_up else timedelta(0)
    return SunTimes("polar_day" if is_up else "polar_night", None, noon, None, whole_day)


def position_at(*, moment: datetime, latitude: float, longitude: float) -> Position:
    """Return where the sun stands at a moment, seen from a place."""
    orbit = orbit_at(moment)
    utc = moment.astimezone(UTC)
    minutes = utc.hour * 60 + utc.minute + utc.second / 60 + utc.microsecond / 60e6
    true_solar_minutes = (minutes + orbit.equation_minutes + 4 * longitude) % 1440
    hour_angle = radians(true_solar_minutes / 4 - 180)
    phi = radians(latitude)
    height = sin(phi) * sin(orbit.declination) + cos(phi) * cos(orbit.declination) * cos(hour_angle)
    azimuth = atan2(sin(hour_angle), cos(hour_angle) * sin(phi) - tan(orbit.declination) * cos(phi))
    return Position(
        elevation=degrees(asin(max(-1.0, min(1.0, height)))), azimuth=degrees(azimuth + pi) % 360
    )


def _solar_noon(day: date, longitude: float) -> datetime:
    noon = datetime.combine(day, time(12), tzinfo=UTC) - timedelta(minutes=4 * longitude)
    mean_noon = noon
    for _ in range(REFINEMENTS):
        noon = mean_noon - timedelta(minutes=orbit_at(noon).equation_minutes)
    return noon


def _crossing(noon: datetime, latitude: float, *, direction: Literal[-1, 1]) -> datetime | None:
    """Return when the sun crosses the horizon before (-1) or after (1) noon; None if never."""
    phi = radians(latitude)
    mean_noon = noon + timedelta(minutes=orbit_at(noon).equation_minutes)
    moment = noon
    for _ in range(REFINEMENTS):
        orbit = orbit_at(moment)
        cosine = cos(RISING_ZENITH) / (cos(phi) * cos(orbit.declination)) - tan(phi) * tan(
            orbit.declination
        )
        if not -1 <= cosine <= 1:
            return None
        minutes = direction * 4 * degrees(acos(cosine)) - orbit.equation_minutes
        moment = mean_noon + timedelta(minutes=minutes)
    return moment
