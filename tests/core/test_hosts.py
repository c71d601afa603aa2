"""The host of a URL."""

import pyarrow as pa
import pytest

from resift.core.hosts import hosts


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://host.example/a.jpg", "host.example"),
        ("HTTPS://Host.Example/a.jpg", "host.example"),
        ("https://host.example", "host.example"),
        ("https://host.example?size=1", "host.example"),
        ("https://host.example#top", "host.example"),
        ("https://host.example:8443/a", "host.example"),
        ("https://user:secret@host.example/a", "host.example"),
        ("https://user@host.example:80/a", "host.example"),
        ("s3://bucket/key", "bucket"),
        ("https:///a.jpg", None),
        ("host.example/a.jpg", None),
        ("//host.example/a.jpg", None),
        ("", None),
        (None, None),
    ],
)
def test_host_is_read_from_the_url_in_lower_case(url, host):
    assert hosts(pa.chunked_array([pa.array([url], pa.string())])).to_pylist() == [host]


def test_no_urls_have_no_hosts():
    assert len(hosts(pa.chunked_array([], pa.string()))) == 0
