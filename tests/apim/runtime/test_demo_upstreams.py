"""The sample APIs compute what the literature says, and are what their OpenAPI files describe."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import jsonschema
import pytest
import yaml

from apim.runtime.demo import upstreams
from apim.runtime.demo.geodesic import Point, direct, inverse
from apim.runtime.demo.sun import position_at, sun_times

FOLDER = Path(upstreams.__file__).parent
DOCUMENTS = {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in ("sun", "geo")}


def call(path, method="GET", **query):
    """Ask the ASGI app itself; return status, content type and the JSON body."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": urlencode(query).encode(),
    }
    asyncio.run(upstreams.app(scope, receive, send))
    headers = dict(sent[0]["headers"])
    body = sent[1]["body"]
    return sent[0]["status"], headers[b"content-type"].decode(), json.loads(body) if body else None


def degrees(whole, minutes, seconds):
    size = abs(whole) + minutes / 60 + seconds / 3600
    return -size if whole < 0 else size


# Almanac times, to the minute, from the local authorities' published tables.
@pytest.mark.parametrize(
    ("place", "day", "sunrise", "sunset"),
    [
        ((51.5074, -0.1278), date(2024, 6, 20), "2024-06-20 03:43", "2024-06-20 20:21"),
        ((40.7128, -74.006), date(2024, 3, 20), "2024-03-20 10:58", "2024-03-20 23:09"),
        ((52.52, 13.405), date(2024, 12, 21), "2024-12-21 07:15", "2024-12-21 14:54"),
        ((-33.8688, 151.2093), date(2024, 12, 21), "2024-12-20 18:41", "2024-12-21 09:06"),
    ],
)
def test_sunrise_and_sunset_agree_with_almanacs_to_the_minute(place, day, sunrise, sunset):
    times = sun_times(day=day, latitude=place[0], longitude=place[1])
    for found, known in ((times.sunrise, sunrise), (times.sunset, sunset)):
        assert abs(found - datetime.fromisoformat(known).replace(tzinfo=UTC)) < timedelta(minutes=1)


def test_position_agrees_with_the_reference_case_of_nrel():
    """I. Reda and A. Andreas, NREL/TP-560-34302, table A5.1: 39.872046° and 194.340241°."""
    position = position_at(
        moment=datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC),
        latitude=39.742476,
        longitude=-105.1786,
    )
    assert position.elevation == pytest.approx(39.872046, abs=0.01)
    assert position.azimuth == pytest.approx(194.340241, abs=0.01)


@pytest.mark.parametrize(("month", "kind", "hours"), [(6, "polar_day", 24), (12, "polar_night", 0)])
def test_tromso_has_midnight_sun_and_polar_night(month, kind, hours):
    times = sun_times(day=date(2024, month, 21), latitude=69.65, longitude=18.96)
    assert (times.kind, times.sunrise, times.sunset) == (kind, None, None)
    assert times.day_length == timedelta(hours=hours)


@pytest.mark.parametrize("latitude", [90, -90, 89.999999])
def test_the_poles_have_an_answer(latitude):
    times = sun_times(day=date(2026, 6, 21), latitude=latitude, longitude=0)
    assert times.kind == ("polar_day" if latitude > 0 else "polar_night")


def test_distance_agrees_with_the_surveyed_line_flinders_peak_to_buninyong():
    """Geocentric Datum of Australia Technical Manual, chapter 4: 54 972.271 m."""
    start = Point(degrees(-37, 57, 3.72030), degrees(144, 25, 29.52440))
    end = Point(degrees(-37, 39, 10.15610), degrees(143, 55, 35.38390))
    path = inverse(start, end)
    assert path.metres == pytest.approx(54972.271, abs=0.001)
    assert path.initial_azimuth == pytest.approx(degrees(306, 52, 5.37), abs=1e-5)
    assert path.final_azimuth - 180 == pytest.approx(degrees(127, 10, 25.07), abs=1e-5)


def test_distance_agrees_with_geographiclib_and_the_way_back_leads_there():
    """The GeodSolve manual's line from New York to London: 5 551 759.400 m."""
    start, end = Point(40.6, -73.8), Point(51.6, -0.5)
    path = inverse(start, end)
    assert path.metres == pytest.approx(5551759.400, abs=0.001)
    there, azimuth = direct(start, azimuth=path.initial_azimuth, metres=path.metres)
    assert there.latitude == pytest.approx(end.latitude, abs=1e-9)
    assert there.longitude == pytest.approx(end.longitude, abs=1e-9)
    assert azimuth == pytest.approx(path.final_azimuth, abs=1e-9)


def test_a_path_may_cross_the_date_line_and_the_poles():
    assert inverse(Point(0, 179.5), Point(0, -179.5)).metres == pytest.approx(111319.491, abs=0.001)
    assert inverse(Point(90, 0), Point(-90, 0)).metres == pytest.approx(20003931.459, abs=0.001)
    assert inverse(Point(10, 180), Point(10, -180)).metres == 0


def test_almost_opposite_points_are_refused_with_a_reason():
    status, kind, body = call("/geo/v1/distance", **{"from": "0,0", "to": "0.5,179.7"})
    assert (status, kind) == (422, "application/problem+json")
    assert "opposite" in body["detail"]


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("/sun/v1/times", {"lat": "91", "lon": "0"}, "lat"),
        ("/sun/v1/times", {"lat": "nan", "lon": "0"}, "lat"),
        ("/sun/v1/times", {"lat": "1"}, "lon"),
        ("/sun/v1/times", {"lat": "1", "lon": "1", "date": "yesterday"}, "date"),
        ("/sun/v1/times", {"lat": "1", "lon": "1", "date": "0001-01-01"}, "date"),
        ("/sun/v1/position", {"lat": "1", "lon": "1", "at": "2026-06-21T12:00:00"}, "at"),
        ("/geo/v1/distance", {"from": "1", "to": "1,1"}, "from"),
        ("/geo/v1/distance", {"from": "1,1", "to": "1,x"}, "to"),
        ("/geo/v1/destination", {"from": "1,1", "azimuth": "0", "distance": "-1"}, "distance"),
        ("/geo/v1/destination", {"from": "1,1", "azimuth": "inf", "distance": "1"}, "azimuth"),
    ],
)
def test_a_bad_parameter_is_named_in_a_problem(path, query, parameter):
    status, kind, body = call(path, **query)
    assert (status, kind) == (400, "application/problem+json")
    assert body["parameter"] == parameter
    jsonschema.validate(body, resolved("sun", "#/components/schemas/Problem"))


def test_unknown_paths_and_methods_are_refused():
    assert call("/sun/v2/times")[0] == 404
    assert call("/sun/v1/times", method="POST")[0] == 405
    assert call("/sun/v1/times", method="HEAD", lat=1, lon=1)[2] is None


def resolved(name, node):
    """Return a part of the document with all its local references put in."""
    if isinstance(node, str) and node.startswith("#/"):
        found = DOCUMENTS[name]
        for step in node[2:].split("/"):
            found = found[step]
        return resolved(name, found)
    if isinstance(node, dict):
        if "$ref" in node:
            return resolved(name, node["$ref"])
        return {key: resolved(name, value) for key, value in node.items()}
    if isinstance(node, list):
        return [resolved(name, value) for value in node]
    return node


OPERATIONS = [
    (name, path, item["get"])
    for name, document in DOCUMENTS.items()
    for path, item in document["paths"].items()
]


@pytest.mark.parametrize(("name", "path", "operation"), OPERATIONS)
def test_the_documented_example_call_gives_what_the_document_promises(name, path, operation):
    operation = resolved(name, operation)
    query = {parameter["name"]: parameter["example"] for parameter in operation["parameters"]}
    status, _, body = call(f"/{name}/v1{path}", **query)
    assert status == 200
    promised = operation["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(body, promised["schema"])
    for example in promised["examples"].values():
        jsonschema.validate(example["value"], promised["schema"])


def test_every_route_is_documented_and_every_documented_path_is_routed():
    documented = {f"/{name}/v1{path}" for name, path, _ in OPERATIONS}
    assert documented == set(upstreams.ROUTES) - {"/readyz"}


def test_documented_example_values_are_what_the_apis_answer():
    london = DOCUMENTS["sun"]["paths"]["/times"]["get"]["responses"]["200"]["content"]
    value = london["application/json"]["examples"]["london"]["value"]
    asked = {"date": value["date"], "lat": value["latitude"], "lon": value["longitude"]}
    assert call("/sun/v1/times", **asked)[2] == value
    flight = DOCUMENTS["geo"]["paths"]["/distance"]["get"]["responses"]["200"]["content"]
    value = flight["application/json"]["examples"]["new_york_london"]["value"]
    assert call("/geo/v1/distance", **{"from": "40.6,-73.8", "to": "51.6,-0.5"})[2] == value
