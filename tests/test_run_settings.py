"""RunSettings accept the documented values, and give run.json its values."""

import pickle

import pytest

from icsys.errors import UsageError
from icsys.run_settings import RunSettings
from icsys.shard import Shard


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"jobs": 0}, "jobs=0: expected a whole number from 1 to 4096"),
        ({"timeout": 0}, "timeout=0: expected a number above 0 and at most 1000000"),
        ({"timeout": float("nan")}, "timeout=nan: expected a number above 0"),
        ({"engine": "dream"}, "engine='dream': expected one of auto, threads, processes, dask, ray"),
        ({"overwrite": "ALWAYS"}, "overwrite='ALWAYS': expected one of never, always"),
        ({"shard": "3/2"}, "shard='3/2': expected I/N such as 2/4"),
        ({"address": "tcp://a:1"}, "address='tcp://a:1' with engine=None: expected one of dask, ray"),
        ({"engine": "threads", "timeout": 1}, "timeout with engine='threads'"),
        ({"engine": "threads", "isolate": True}, "isolate with engine='threads'"),
        ({"engine": "auto", "isolate": True}, "isolate with engine='auto'"),
        ({"engine": "ray", "isolate": True}, "isolate with engine='ray'"),
        ({"engine": "dask", "isolate": True}, "isolate with engine='dask'"),
    ],
)
def test_a_refusal_names_the_setting_the_value_and_what_was_expected(values, expected):
    with pytest.raises(UsageError) as caught:
        RunSettings(**values)
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("values", "engine"),
    [
        ({}, "auto"),
        ({"engine": "threads"}, "threads"),
        ({"engine": "processes"}, "processes"),
        ({"isolate": True}, "processes"),
        ({"timeout": 3}, "processes"),
        ({"engine": "dask"}, "dask"),
        ({"engine": "ray", "timeout": 2.0}, "ray"),
    ],
)
def test_the_engine_is_automatic_unless_something_needs_processes(values, engine):
    resolved = RunSettings(**values).resolve(cores=3)
    assert (resolved.engine, resolved.jobs) == (engine, 3)


def test_run_json_gets_what_is_set_in_a_fixed_order():
    settings = RunSettings(shard=(2, 4), timeout=5, overwrite="always").resolve(cores=2)
    assert list(settings.to_dict().items()) == [
        ("jobs", 2),
        ("engine", "processes"),
        ("overwrite", "always"),
        ("retry_failed", False),
        ("follow_links", False),
        ("timeout", 5),
        ("include_outputs", False),
        ("ignore_zeros", False),
        ("shard", "2/4"),
        ("masks", "auto"),
        ("mask_pad", 255),
        ("labels_on", "auto"),
        ("min_visibility", 0.0),
    ]


def test_workers_elsewhere_get_equal_settings():
    settings = RunSettings(shard="2/4", jobs=3)
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - from this process
    assert settings.shard == Shard(2, 4)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("500MB", 500_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("2kb", 2000),
        ("12", 12),
        (7, 7),
        ("0.0015kB", 1),
        ("3 B", 3),
    ],
)
def test_a_number_of_bytes_has_units_of_1000_and_of_1024(given, expected):
    assert RunSettings(total_bytes=given).total_bytes == expected


@pytest.mark.parametrize(
    "given", [0, -1, "0", "-5MB", "5 apples", "MB", "1e9", "1,000", "", "٣MB", 2.5, True, [], "9" * 30, "1 000", 2**61]
)
def test_another_number_of_bytes_is_refused(given):
    with pytest.raises(UsageError) as caught:
        RunSettings(total_bytes=given)
    assert str(caught.value).startswith(f"total_bytes={given!r}: expected a number of bytes above 0, such as 500MB")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"shard": "1/2"}, "total_bytes with shard='1/2': expected one run over all images on this machine"),
        ({"engine": "dask"}, "total_bytes with engine='dask'"),
        ({"retry_failed": True}, "total_bytes with retry_failed=True"),
        ({"from_learn": "a.json", "arm": "K4"}, "arm='K4' with total_bytes"),
        ({"from_learn": 5}, "from_learn=5: expected a path"),
        ({"arm": "K4"}, "arm='K4' without from_learn"),
    ],
)
def test_a_budget_is_for_one_run_over_all_images(values, expected):
    with pytest.raises(UsageError) as caught:
        RunSettings(total_bytes=100, **values)
    assert str(caught.value).startswith(expected)
