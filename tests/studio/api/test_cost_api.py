"""Answers about the whole set."""

import pytest


def test_an_estimate_is_begun_at_once_and_comes_as_news(client, workspace):
    answer = client.post("/api/cost", json={"options": {"colors": 4}})
    assert answer.status_code == 200
    workspace.costs.wait(60)
    found = workspace.events.latest("cost")
    assert found["settings_key"] == answer.json()["settings_key"]
    assert (found["images"], found["sampled"], found["failed"], found["done"]) == (7, 7, 1, True)
    assert client.delete("/api/cost").status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "options"),
        ({"options": []}, "options"),
        ({"options": {"colors": 0}}, "colors=0"),
        ({"options": {"colour": 1}}, "colour"),
        ({"options": {}, "settings": {"jobs": -1}}, "jobs=-1"),
        ({"options": {}, "settings": []}, "settings"),
    ],
)
def test_wrong_input_is_named(client, body, words):
    answer = client.post("/api/cost", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_a_budget_is_read_as_a_run_reads_it(client, workspace):
    answer = client.post("/api/frontier", json={"options": {}, "total_bytes": "20 kB"})
    assert answer.status_code == 200
    assert answer.json()["total_bytes"] == 20_000
    assert client.delete("/api/frontier").status_code == 200
    workspace.frontiers.wait(60)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "options"),
        ({"options": {}}, "Budget=None"),
        ({"options": {}, "total_bytes": "many"}, "500MB"),
        ({"options": {}, "total_bytes": 0}, "Budget=0"),
        ({"options": {}, "total_bytes": 9, "free": "all"}, "free='all'"),
    ],
)
def test_a_wrong_budget_is_named(client, body, words):
    answer = client.post("/api/frontier", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
