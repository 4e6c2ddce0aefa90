"""The upstreams of the demo: `granian --interface asgi apim.runtime.demo.upstreams:app`.

A bare ASGI app, so that the sample APIs need nothing but Python. They are described in sun.yaml
and geo.yaml, know nothing of keys and limits, and leave those to the gateway.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

from apim.runtime.demo.geodesic import NearlyAntipodalError, Point, direct, inverse, midpoint
from apim.runtime.demo.sun import position_at, sun_times

Parameters = Mapping[str, str]
Answer = dict[str, Any]
HALF_EQUATOR_METRES = 20_037_508.0
EARLIEST_YEAR, LATEST_YEAR = 1800, 2200  # where the sun's formulas hold


class BadParameterError(ValueError):
    """A query parameter is missing or wrong; the text says which and what it should be."""

    def __init__(self, name: str, should_be: str) -> None:
        super().__init__(f"{name} should be {should_be}.")
        self.name = name


def sun_times_answer(given: Parameters) -> Answer:
    day = _day(given)
    latitude, longitude = _latitude(given), _longitude(given)
    times = sun_times(day=day, latitude=latitude, longitude=longitude)
    return {
        "date": day.isoformat(),
        "latitude": latitude,
        "longitude": longitude,
        "kind": times.kind,
        "sunrise": _instant(times.sunrise),
        "solar_noon": _instant(times.solar_noon),
        "sunset": _instant(times.sunset),
        "day_length_seconds": round(times.day_length.total_seconds()),
    }


def sun_position_answer(given: Parameters) -> Answer:
    moment = _moment(given)
    latitude, longitude = _latitude(given), _longitude(given)
    position = position_at(moment=moment, latitude=latitude, longitude=longitude)
    return {
        "at": _instant(moment),
        "latitude": latitude,
        "longitude": longitude,
        "elevation_degrees": round(position.elevation, 4),
        "azimuth_degrees": round(position.azimuth, 4),
        "is_up": position.elevation > -0.833,
    }


def distance_answer(given: Parameters) -> Answer:
    start, end = _point(given, "from"), _point(given, "to")
    path = inverse(start, end)
    return {
        "from": _place(start),
        "to": _place(end),
        "distance_metres": round(path.metres, 3),
        "initial_azimuth_degrees": round(path.initial_azimuth, 6),
        "final_azimuth_degrees": round(path.final_azimuth, 6),
    }


def destination_answer(given: Parameters) -> Answer:
    start = _point(given, "from")
    azimuth = _number(given, "azimuth", 0, 360)
    metres = _number(given, "distance", 0, HALF_EQUATOR_METRES)
    end, final_azimuth = direct(start, azimuth=azimuth, metres=metres)
    return {
        "from": _place(start),
        "to": _place(end),
        "distance_metres": metres,
        "initial_azimuth_degrees": azimuth,
        "final_azimuth_degrees": round(final_azimuth, 6),
    }


def midpoint_answer(given: Parameters) -> Answer:
    start, end = _point(given, "from"), _point(given, "to")
    return {"from": _place(start), "to": _place(end), "midpoint": _place(midpoint(start, end))}


ROUTES: dict[str, Callable[[Parameters], Answer]] = {
    "/sun/v1/times": sun_times_answer,
    "/sun/v1/position": sun_position_answer,
    "/geo/v1/distance": distance_answer,
    "/geo/v1/destination": destination_answer,
    "/geo/v1/midpoint": midpoint_answer,
    "/readyz": lambda _given: {"status": "ready"},
}


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer one request, or follow the server's start and stop."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    status, body = _respond(scope["method"], scope["path"], scope["query_string"])
    content = json.dumps(body, separators=(",", ":")).encode()
    kind = b"application/json" if status == 200 else b"application/problem+json"
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(
        {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content}
    )


def _respond(method: str, path: str, query: bytes) -> tuple[int, Answer]:
    answer = ROUTES.get(path)
    if answer is None:
        return _problem(404, "Not found", f"There is nothing at {path}.")
    if method not in {"GET", "HEAD"}:
        return _problem(405, "Method not allowed", f"{path} answers GET only.")
    given = dict(parse_qsl(query.decode(errors="replace"), keep_blank_values=True))
    try:
        return 200, answer(given)
    except BadParameterError as error:
        return _problem(400, "Bad parameter", str(error), parameter=error.name)
    except NearlyAntipodalError:
        return _problem(
            422,
            "No single path",
            "The points are almost opposite to each other on the globe: "
            "many paths are equally short.",
        )


def _problem(status: int, title: str, detail: str, **more: str) -> tuple[int, Answer]:
    return status, {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }


def _number(given: Parameters, name: str, least: float, most: float) -> float:
    should_be = f"a number from {least:g} to {most:.10g}"
    try:
        value = float(given[name])
    except (KeyError, ValueError):
        raise BadParameterError(name, should_be) from None
    if not least <= value <= most:  # also refuses NaN
        raise BadParameterError(name, should_be)
    return value


def _latitude(given: Parameters) -> float:
    return _number(given, "lat", -90, 90)


def _longitude(given: Parameters) -> float:
    return _number(given, "lon", -180, 180)


def _point(given: Parameters, name: str) -> Point:
    latitude, comma, longitude = given.get(name, "").partition(",")
    if not comma:
        raise BadParameterError(name, "latitude,longitude in degrees, such as 52.52,13.405")
    parts = {f"The latitude of {name}": latitude, f"The longitude of {name}": longitude}
    try:
        return Point(
            _number(parts, f"The latitude of {name}", -90, 90),
            _number(parts, f"The longitude of {name}", -180, 180),
        )
    except BadParameterError as error:
        error.name = name
        raise


def _day(given: Parameters) -> date:
    text = given.get("date")
    try:
        day = date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError:
        raise BadParameterError("date", "a date such as 2026-06-21") from None
    _check_year("date", day.year)
    return day


def _moment(given: Parameters) -> datetime:
    text = given.get("at")
    should_be = "an instant with its zone, such as 2026-06-21T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        raise BadParameterError("at", should_be) from None
    if moment.tzinfo is None:
        raise BadParameterError("at", should_be)
    _check_year("at", moment.year)
    return moment.astimezone(UTC)


def _check_year(name: str, year: int) -> None:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise BadParameterError(name, f"between the years {EARLIEST_YEAR} and {LATEST_YEAR}")


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _place(point: Point) -> dict[str, float]:
    return {"latitude": round(point.latitude, 8), "longitude": round(point.longitude, 8)}
