"""URLs: every text that shows one hides its secrets."""

import html
import json
import pickle
from urllib.parse import quote, quote_plus, urlsplit

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from helpers import ics
from icsys import Options, UsageError, compare_folder, compress_folder, merge_shards
from icsys.files.locations import parse_location
from icsys.files.object_store import Objects
from icsys.files.url import Url, hide, is_mangled, is_url, shown, without_secrets
from icsys.report.run_page import report_folder

SECRET = "5ecr"  # noqa: S105 - stands in every secret, so that no other text holds it
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("'\"<>@/?#&=:%\\ +;[]{}|^~`\n"), max_size=12)
SECRETS = st.tuples(TEXTS, TEXTS).map(SECRET.join)
SCHEMES = st.sampled_from(["http", "https", "HTTPS", "ftp", "sftp", "s3", "gs", "abfs", "az", "memory", "tcp", "ray"])
SHAPES = (
    "{scheme}://me:{secret}@host/a/b.zip",
    "{scheme}://me:{secret}@host.example:8080/a@b/c.zip",
    "{scheme}://host/b.zip?sig={secret}",
    "{scheme}://host/it's <a b>.zip?x=1&X-Amz-Signature={secret}&y=2",
    "{scheme}://host/b.zip#{secret}",
    "{scheme}://host?{secret}",
    "simplecache::{scheme}://me:{secret}@host/b.zip",
    "zip://*.png::{scheme}://host/b.zip?se=1&sig={secret}",
    " '{scheme}://me:{secret}@host/b.zip?sig={secret}",
)
WAYS = (str, repr, ascii, json.dumps, html.escape, quote, quote_plus, lambda text: quote(text, safe=""), str.strip)


@st.composite
def urls(draw):
    """Give the text of a URL and its secret."""
    secret = draw(SECRETS)
    return draw(st.sampled_from(SHAPES)).format(scheme=draw(SCHEMES), secret=secret), secret


@settings(deadline=None)
@given(urls())
@example((" 'http://me:/@5ecr@host/b.zip?sig=/@5ecr", "/@5ecr"))
def test_no_text_of_a_url_holds_its_secret(given_url):
    text, _ = given_url
    url = Url(text)
    text_shown = [str(url), repr(url), f"{url}", f"{url:>99}", "%s" % url, repr([url]), shown(text), shown(url)]  # noqa: UP031
    assert not [words for words in text_shown if SECRET in words]
    assert url.secret() == text.strip()
    again = pickle.loads(pickle.dumps(url))  # noqa: S301
    assert (again, hash(again), again.secret()) == (url, hash(url), url.secret())
    with pytest.raises(TypeError):
        json.dumps(url)


@settings(deadline=None)
@given(urls(), st.sampled_from(WAYS), st.sampled_from(WAYS), TEXTS)
def test_texts_of_other_programs_about_a_url_hold_no_secret(given_url, way, other, around):
    text, secret = given_url
    assume(SECRET not in around)
    text_shown = f"{around} got {way(text)}: {other(secret)} is wrong {around}"
    assert SECRET not in Url(text).hide(text_shown)


@settings(deadline=None)
@given(st.sampled_from(SHAPES[:6]), SCHEMES.filter(lambda scheme: scheme != "abfs"), SECRETS)
def test_an_unexpected_url_is_shown_without_its_query_and_user(shape, scheme, secret):
    """As one that a server leads to: where it ends in a text is unknown."""
    text_shown = without_secrets(f"403 at {shape.format(scheme=scheme, secret=secret)} of these")
    assert SECRET not in text_shown


@settings(deadline=None)
@given(
    SCHEMES,
    st.from_regex(r"[a-z0-9.-]{1,9}(:[0-9]{1,4})?", fullmatch=True),
    st.from_regex(r"(/[\w' .-]*)*", fullmatch=True),
)
def test_all_of_a_url_without_secrets_is_shown(scheme, host, path):
    """The same as of the standard library, which splits them by the standard."""
    url = f"{scheme}://{host}{path}".strip()
    assert str(Url(url)) == url
    parts = urlsplit(str(Url(f"{url}?a=b")))
    assert (parts.netloc, parts.query) == (host, "")


def test_what_is_no_secret_stays():
    for text in (
        "abfs://container@account.dfs.core.windows.net/a",
        "s3://bucket/a@b/c",
        "https://host.example/npm/a@1.2/b.zip",
        "http://127.0.0.1:8000/a@b/c.zip",
        "http://[::1]:80/a",
        "zip://*.png::s3://bucket/a.zip",
    ):
        assert str(Url(text)) == text
    assert without_secrets("at abfs://container@account/a?sig=x") == "at abfs://container@account/a"
    assert hide("no such bucket", {"secret": "…"}) == "no such bucket"


def test_urls_and_paths_are_distinguished():
    texts = (
        "s3://a",
        "hf://datasets/a/b",
        "simplecache::s3://a",
        " https://h/a",
        "a/b",
        "C:\\a",
        "C:/a",
        "C://a",
        "a::b",
    )
    assert [is_url(text) for text in texts] == [*[True] * 4, *[False] * 5]
    assert [is_mangled(text) for text in ("https:/h/a", "S3:/b", "https://h", "C:/a", "a:/b")] == [
        *[True] * 2,
        *[False] * 3,
    ]


@pytest.mark.parametrize("text", ["https:/me:{}@h/a.zip?sig={}", "s3:/k:{}@b/x", "https:\\h/a?{}"])
def test_a_url_with_one_slash_is_refused_without_its_secrets(text, tmp_path):
    text = text.replace("{}", SECRET)
    for call in (
        parse_location,
        lambda url: compress_folder(url, tmp_path / "out"),
        lambda url: compress_folder(tmp_path, url),
    ):
        with pytest.raises(UsageError, match="two slashes") as caught:
            call(text)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["https://h/it's <a> b.json?sig={}", "s3://k:{}/'@b/x.json", "nowhere://me:{}'@h/p.json"]
)
def test_no_place_for_a_value_shows_the_secret_of_a_url(text, tmp_path, monkeypatch):
    """Where a URL has no business to be, too."""
    monkeypatch.chdir(tmp_path)
    url = text.format(SECRET)
    (tmp_path / "photos").mkdir()
    for call in (
        lambda: compress_folder(url, tmp_path / "out"),
        lambda: compress_folder(tmp_path / "photos", url),
        lambda: compress_folder(tmp_path / "photos", url, shard="1/2"),
        lambda: compress_folder(url, tmp_path / "out", engine="dask"),
        lambda: compress_folder(tmp_path / "photos", url, engine="ray"),
        lambda: compress_folder(tmp_path / "photos", tmp_path / "out", address=url),
        lambda: compare_folder(url),
        lambda: merge_shards(url),
        lambda: report_folder(url),
        lambda: report_folder(tmp_path, output=url),
        lambda: Options(palette=url),
        lambda: Objects(url),
    ):
        with pytest.raises((UsageError, ImportError)) as caught:
            call()
        assert SECRET not in repr(caught.value) + repr(caught.value.__cause__)
    for words in (
        (url,),
        (url, url),
        (url, url, url),
        ("photos", "out", "--palette", url),
        ("photos", "out", "--address", url),
        ("photos", "out", "--colors", url),
        ("photos", "out", "--jobs", url),
        ("photos", "out", "--config", url),
        ("photos", "out", "--shard", url),
        ("photos", "out", f"--strategy={url}"),
        ("photos", "out", "--address", url, "--engine", "ray", "--print-options"),
    ):
        code, out, err = ics("compress", *words, cwd=tmp_path)
        assert code == (0 if "--print-options" in words else 2)
        assert SECRET not in out + err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("name", ["palette", "strategy", "jobs", "engine", "verbose", "shard", "address", "format"])
def test_a_config_file_is_shown_without_the_secrets_of_its_urls(name, tmp_path):
    (tmp_path / "ics.toml").write_text(f'{name} = "https://me:{SECRET}\'@h/<a> b.json?sig=x {SECRET}"\n')
    code, out, err = ics("compress", "--config", "ics.toml", cwd=tmp_path)
    assert (code, SECRET in out + err) == (2, False)


@pytest.mark.parametrize("place", [None, 5, b"s3://me:5ecr@host/a", [None]])
@pytest.mark.parametrize("do", [compress_folder, compare_folder, merge_shards, report_folder])
def test_what_is_no_place_is_named_with_its_type(place, do, tmp_path):
    with pytest.raises(UsageError, match=r"of type \w+: expected a path or a URL") as caught:
        do(place, tmp_path / "out") if do is compress_folder else do(place)
    assert SECRET not in str(caught.value)
