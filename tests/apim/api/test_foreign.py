"""Scripts map foreign names and mend quarantined usage as the dashboard does."""

import json
from datetime import timedelta

import pytest

from analytics.events import NO_NAMES, Foreign, Reading
from analytics.formats.own import read
from analytics.intake import receive, store
from analytics.models import QuarantinedRecord
from analytics.rollups import roll_up
from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.gateway.services import register_gateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(db):
    return register_gateway(actor=SYSTEM, name="Kong", kind="kong").gateway


def line(**fields):
    at = (clock.now() - timedelta(minutes=1)).isoformat()
    return json.dumps({"id": "a", "ts": at, "method": "GET", "path": "/x", "status": 200} | fields)


def test_names_are_found_mapped_and_unmapped(pia_api, gateway, application):
    call = read(line().encode())
    call.names, call.foreign = NO_NAMES, Foreign(consumer="harbour-board")
    store(gateway=gateway, reading=Reading([call]))
    while roll_up():
        pass
    path = f"/api/v1/gateways/{gateway.public_id}/unmatched-names"
    [name] = pia_api.get(path).json()["results"]
    assert (name["value"], name["calls"]) == ("harbour-board", 1)
    body = {
        "gateway": gateway.public_id,
        "kind": name["kind"],
        "value": name["value"],
        "target": name["suggestion"]["target"],
    }
    made = pia_api.post("/api/v1/foreign-mappings", body)
    assert made.status_code == 201
    assert made.json()["target"] == application.public_id
    assert pia_api.get(path).json()["results"] == []
    listed = pia_api.get(f"/api/v1/foreign-mappings?gateway={gateway.public_id}").json()["results"]
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert pia_api.get(made["Location"]).json() == made.json()
    assert pia_api.delete(made["Location"]).status_code == 204
    assert pia_api.get(made["Location"]).status_code == 404


def test_a_wrong_target_is_pointed_at(pia_api, gateway):
    body = {"gateway": gateway.public_id, "kind": "route", "value": "r", "target": "app_x"}
    refused = pia_api.post("/api/v1/foreign-mappings", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/target"


def test_a_record_is_read_corrected_and_counted(pia_api, gateway):
    receive(gateway=gateway, body=line(ts="yesterday").encode())
    [row] = pia_api.get("/api/v1/quarantined-records?waiting=true").json()["results"]
    path = f"/api/v1/quarantined-records/{row['id']}"
    assert pia_api.get(path).json()["gateway"] == gateway.public_id
    assert pia_api.post(f"{path}/replay", {}).json()["replayed_at"] is None
    assert pia_api.post(f"{path}/replay", {"raw": line()}).json()["replayed_at"]
    assert pia_api.post(f"{path}/replay", {}).status_code == 409
    assert pia_api.get("/api/v1/quarantined-records?waiting=true").json()["results"] == []


def test_all_records_of_a_gateway_are_asked_for_at_once(pia_api, gateway):
    receive(gateway=gateway, body=line(ts="yesterday").encode())
    path = f"/api/v1/gateways/{gateway.public_id}/replay-quarantine"
    assert pia_api.post(path, {"code": "too_old"}).json() == {"records": 0}
    assert pia_api.post(path, {}).json() == {"records": QuarantinedRecord.objects.count()}
