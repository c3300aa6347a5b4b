"""The JSON API: any body and any query gives an answer or a refusal in words, and every route is documented."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Mount

from icsys.options import Options
from icsys.studio import api
from icsys.studio.app import studio_app

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*Options().to_dict(), "self", "palette_from", "size", "keep_colors"])
SENSIBLE = st.sampled_from(["auto", "class", "dataset", "SO", "arrays", "x.json", "../x.gpl", "a\0.json", 1, 0.5, True])
OPTIONS = st.dictionaries(NAMES, SENSIBLE | VALUES, max_size=4) | VALUES
BODIES = st.fixed_dictionaries(
    {}, optional={"options": OPTIONS, "image": st.integers(-1, 8) | VALUES, "slot": st.just("a") | VALUES}
)
CHECKED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)


def is_answered(answer):
    if answer.headers["content-type"] == "application/json" and answer.status_code >= 400:
        assert answer.json()["error"]
    return answer.status_code in {200, 202, 204} or 400 <= answer.status_code < 500


@CHECKED
@given(BODIES | VALUES, st.sampled_from(["preview", "worst", "inspection"]))
def test_any_json_is_answered_or_refused_in_words(client, body, route):
    assert is_answered(client.post(f"/api/{route}", content=json.dumps(body)))


@CHECKED
@given(st.binary(max_size=20), st.sampled_from(["preview", "worst"]))
def test_what_is_no_json_is_refused(client, body, route):
    assert client.post(f"/api/{route}", content=body).status_code == 400


@CHECKED
@given(st.dictionaries(st.sampled_from(["first", "count", "words", "label", "split", "order"]), st.text(max_size=6)))
def test_any_query_of_the_list_is_answered_or_refused(client, query):
    assert is_answered(client.get("/api/images", params=query))


@pytest.mark.parametrize("number", ["-1", "7", "x", "1e3", "99999999999", "0.5", "%00"])
@pytest.mark.parametrize("what", ["thumbnail", "original"])
def test_a_picture_that_is_not_there_is_refused(client, number, what):
    answer = client.get(f"/api/images/{number}/{what}")
    assert answer.status_code == 400
    assert "image" in answer.json()["error"]


def test_a_file_that_has_vanished_is_a_failure_in_words(client, workspace, monkeypatch):
    def vanished(*_):
        raise FileNotFoundError(2, "No such file or directory", "gone.jpg")

    monkeypatch.setattr(type(workspace.images.source), "read", vanished)
    for answer in (
        client.get("/api/images/0/thumbnail"),
        client.post("/api/preview", json={"image": 0, "options": {}}),
    ):
        assert answer.status_code == 422
        assert "No such file" in answer.json()["error"]


def test_a_damaged_photo_is_named_and_has_the_set_inspected(client, workspace):
    number = workspace.images.numbers_of(["train/dog/bad.jpg"])["train/dog/bad.jpg"]
    answer = client.post("/api/preview", json={"image": number, "options": {}})
    assert (answer.status_code, answer.json()["photo"]) == (422, "train/dog/bad.jpg")
    workspace.inspection.wait(60)
    assert list(workspace.inspection.broken) == [number]


def test_the_list_has_marks_of_broken_images_and_the_worst_order(client, workspace):
    assert client.post("/api/worst", json={"options": {"colors": 2, "step": 1}}).status_code == 202
    assert client.post("/api/inspection").status_code == 202
    workspace.worst.wait(60)
    workspace.inspection.wait(60)
    found = client.get("/api/images", params={"order": "worst"}).json()
    assert [one["image"] for one in found["images"]] == [number for number, _ in workspace.worst.order()]
    assert [one["worst"] for one in found["images"]] == sorted((one["worst"] for one in found["images"]), reverse=True)
    assert (found["chosen"], found["total"], found["measuring"]) == (6, 7, False)
    cats = client.get("/api/images", params={"order": "worst", "label": "cat"}).json()["images"]
    assert [one["image"] for one in cats] == [one["image"] for one in found["images"] if "/cat/" in one["name"]]
    marked = [one["name"] for one in client.get("/api/images").json()["images"] if "broken" in one]
    assert marked == ["train/dog/bad.jpg"]
    assert client.get("/api/inspection").json()["state"] == "done"
    assert client.delete("/api/inspection").status_code == 200


def test_every_route_is_documented(workspace):
    documented = set(re.findall(r"^``(\w+) (/api/\S+?)``", api.__doc__, re.MULTILINE))
    mounted = next(route for route in studio_app(workspace).routes if isinstance(route, Mount) and route.path == "/api")
    there = {(method, f"/api{route.path}") for route in mounted.routes for method in route.methods - {"HEAD"}}
    assert there == documented
