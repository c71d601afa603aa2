"""URLs are read by their bytes, and say what they say when read one by one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resift.policy.urls import domain_of, find_evidence, is_evidence

DOMAINS = frozenset(["de", "fr", "it", "eu", "xn--90ae", "ευ", "paris", "barcelona"])
NEUTRAL = ("redd.it", "youtu.be", "amzn.eu", "longname.eu")
WORDS = (
    "https:// http:// HTTPS:// // / \\ ? # @ : :80 . .de de .com .example .redd.it i img xn--90ae .ευ é ？ ／ .fr "
    ".paris .barcelona aaaaaaaaaaaa youtu.be amzn.eu longname.eu A .DE %2e _ ; ;a=1 , & :x ~"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\u200b", "a" * 40])
TEXTS = st.lists(PIECES, max_size=8).map("".join)
URLS = st.one_of(st.none(), TEXTS, TEXTS.map(lambda host: f"https://{host}/path/to/x.jpg"))
LAST = "https://img.example.com/" + "x" * 100
"""Long enough that none of the others is near the end of the buffer."""


@given(st.lists(URLS, max_size=12))
@example(["https://user:secret@img.example.de:8080/a.jpg", "http://i.redd.it/a", "https://" + "a" * 70 + ".de/", None])
def test_urls_read_together_say_what_each_says_alone(urls):
    alone = [url is not None and is_evidence(url, DOMAINS, NEUTRAL) for url in urls]

    assert find_evidence(pa.array([*urls, LAST], pa.string()), DOMAINS, NEUTRAL).tolist() == [*alone, False]
    assert (
        find_evidence(pa.chunked_array([pa.array(urls, pa.string())]).slice(1), DOMAINS, NEUTRAL).tolist() == alone[1:]
    )


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://img.example.DE/a.jpg", "img.example.de"),
        ("//img.example.de/a.jpg", "img.example.de"),
        ("img.example.de:443/a.jpg", "img.example.de"),
        ("https://user:secret@img.example.de:8080?x=a.com", "img.example.de"),
        ("https://img.example.de./a", "img.example.de"),
        ("https://good.example\\@img.example.de/", "good.example"),
        ("https://img。example。de/", "img.example.de"),
        ("https://localhost/a.jpg", None),
        ("", None),
    ],
)
def test_host_ends_where_browsers_end_it(url, domain):
    assert domain_of(url) == domain


@pytest.mark.parametrize(
    "url",
    [
        "https://x.fr;a=1/",
        "https://x.fr;jsessionid=abcdefghij/a.jpg",
        "https://x.fr;a.example.com/a.jpg",
        "https://x.fr.;a/",
        "https://x.fr,a/",
        "https://x.fr&a=1",
        "https://x.fr:80;a=1/",
        "https://x.fr:port/",
        "https://good.example;x.fr/",
        "https://x.fr；a=1/",
    ],
)
def test_host_that_something_else_follows_is_still_evidence(url):
    assert is_evidence(url, DOMAINS, NEUTRAL)
    assert find_evidence(pa.array([url, LAST]), DOMAINS, NEUTRAL).tolist() == [True, False]


def test_neutral_host_that_something_else_follows_is_still_neutral():
    assert not is_evidence("https://i.redd.it;a=1/", DOMAINS, NEUTRAL)
