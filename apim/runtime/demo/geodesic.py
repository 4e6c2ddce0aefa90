"""Shortest paths on the WGS 84 ellipsoid.

T. Vincenty, Direct and inverse solutions of geodesics on the ellipsoid with application of nested
equations, Survey Review XXIII 176 (1975). Good to half a millimetre.
"""

from dataclasses import dataclass
from math import atan, atan2, cos, degrees, radians, sin, sqrt, tan

MAJOR_METRES = 6378137.0
FLATTENING = 1 / 298.257223563
MINOR_METRES = MAJOR_METRES * (1 - FLATTENING)
PRECISION_RADIANS = 1e-12
MOST_ROUNDS = 200


class NearlyAntipodalError(ValueError):
    """The points lie almost opposite to each other, where the method does not converge."""


@dataclass(frozen=True)
class Point:
    """Degrees, north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Path:
    """Length in metres; azimuths in degrees clockwise from north, at the start and at the end."""

    metres: float
    initial_azimuth: float
    final_azimuth: float


def inverse(start: Point, end: Point) -> Path:
    """Return the shortest path between two points. Raises NearlyAntipodalError."""
    if start == end:
        return Path(0.0, 0.0, 0.0)
    difference = radians((end.longitude - start.longitude + 540) % 360 - 180)
    u1, u2 = _reduced(start.latitude), _reduced(end.latitude)
    su1, cu1, su2, cu2 = sin(u1), cos(u1), sin(u2), cos(u2)
    lam = difference
    for _ in range(MOST_ROUNDS):
        sl, cl = sin(lam), cos(lam)
        sin_sigma = sqrt((cu2 * sl) ** 2 + (cu1 * su2 - su1 * cu2 * cl) ** 2)
        if sin_sigma == 0:  # the same point, written in two ways
            return Path(0.0, 0.0, 0.0)
        cos_sigma = su1 * su2 + cu1 * cu2 * cl
        sigma = atan2(sin_sigma, cos_sigma)
        sin_alpha = cu1 * cu2 * sl / sin_sigma
        cos2_alpha = 1 - sin_alpha**2
        middle = cos_sigma - 2 * su1 * su2 / cos2_alpha if cos2_alpha > 1e-15 else 0.0
        before, lam = lam, difference + _longitude_shift(sin_alpha, cos2_alpha, sigma, middle)
        if abs(lam) > 3.2:
            break
        if abs(lam - before) < PRECISION_RADIANS:
            a, b = _series(cos2_alpha)
            metres = MINOR_METRES * a * (sigma - _sigma_shift(b, sigma, middle))
            first = atan2(cu2 * sl, cu1 * su2 - su1 * cu2 * cl)
            last = atan2(cu1 * sl, -su1 * cu2 + cu1 * su2 * cl)
            return Path(metres, degrees(first) % 360, degrees(last) % 360)
    raise NearlyAntipodalError


def direct(start: Point, *, azimuth: float, metres: float) -> tuple[Point, float]:
    """Return where a path ends, and its azimuth there in degrees."""
    alpha1 = radians(azimuth)
    u1 = _reduced(start.latitude)
    sin_alpha = cos(u1) * sin(alpha1)
    cos2_alpha = 1 - sin_alpha**2
    sigma1 = atan2(tan(u1), cos(alpha1))
    a, b = _series(cos2_alpha)
    straight = metres / (MINOR_METRES * a)
    sigma = straight
    for _ in range(MOST_ROUNDS):
        middle = cos(2 * sigma1 + sigma)
        before, sigma = sigma, straight + _sigma_shift(b, sigma, middle)
        if abs(sigma - before) < PRECISION_RADIANS:
            break
    middle = cos(2 * sigma1 + sigma)
    across = sin(u1) * sin(sigma) - cos(u1) * cos(sigma) * cos(alpha1)
    latitude = atan2(
        sin(u1) * cos(sigma) + cos(u1) * sin(sigma) * cos(alpha1),
        (1 - FLATTENING) * sqrt(sin_alpha**2 + across**2),
    )
    lam = atan2(sin(sigma) * sin(alpha1), cos(u1) * cos(sigma) - sin(u1) * sin(sigma) * cos(alpha1))
    turned = lam - _longitude_shift(sin_alpha, cos2_alpha, sigma, middle)
    longitude = (start.longitude + degrees(turned) + 540) % 360 - 180
    return Point(degrees(latitude), longitude), degrees(atan2(sin_alpha, -across)) % 360


def midpoint(start: Point, end: Point) -> Point:
    """Return the point half-way along the shortest path. Raises NearlyAntipodalError."""
    path = inverse(start, end)
    return direct(start, azimuth=path.initial_azimuth, metres=path.metres / 2)[0]


def _reduced(latitude: float) -> float:
    return atan((1 - FLATTENING) * tan(radians(latitude)))


def _series(cos2_alpha: float) -> tuple[float, float]:
    """Return Vincenty's A and B, equations 3 and 4."""
    u2 = cos2_alpha * (MAJOR_METRES**2 - MINOR_METRES**2) / MINOR_METRES**2
    a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    return a, b


def _sigma_shift(b: float, sigma: float, middle: float) -> float:
    """Return delta sigma, equation 6."""
    cubic = middle / 6 * (-3 + 4 * sin(sigma) ** 2) * (-3 + 4 * middle**2)
    inner = middle + b / 4 * (cos(sigma) * (-1 + 2 * middle**2) - b * cubic)
    return b * sin(sigma) * inner


def _longitude_shift(sin_alpha: float, cos2_alpha: float, sigma: float, middle: float) -> float:
    """Return how far longitude on the ellipsoid lags behind the sphere's, equations 10 and 11."""
    c = FLATTENING / 16 * cos2_alpha * (4 + FLATTENING * (4 - 3 * cos2_alpha))
    inner = middle + c * cos(sigma) * (-1 + 2 * middle**2)
    return (1 - c) * FLATTENING * sin_alpha * (sigma + c * sin(sigma) * inner)
