"""Whoever redirects a pull elsewhere is not followed: what was asked of one server never comes from another."""

from __future__ import annotations

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged
from s3_proxy import proxy_before

from resift.client.pull import pull
from resift.client.snapshots import read_manifest
from resift.errors import StorageError
from resift.model import keys
from resift.storage import LocalStore
from resift.storage.s3 import S3Store


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_server_that_redirects_elsewhere_is_not_followed(s3_server, tmp_path, status):
    """The other server has the very files, so that following would succeed unseen."""
    server = s3_server("moto")
    bucket, lake = server.new_bucket(), LocalStore(tmp_path / "lake")
    make_pool(lake, [observation(f"i{n}", cycle(0)) for n in range(50)])
    publish_unjudged(lake, make_dataset(), cycle(0))
    direct = S3Store(server.client(), bucket, "lake")
    for stat in lake.list(keys.snapshots("sample")):
        direct.put(stat.key, lake.get(stat.key))

    with proxy_before(server.endpoint) as elsewhere, proxy_before(server.endpoint) as proxy:
        proxy.redirects = lambda path: f"{status} {elsewhere.endpoint}{path}" if "/data/" in path else ""
        store = S3Store(server.client(proxy.endpoint), bucket, "lake")
        with pytest.raises(StorageError, match=r"data/part-00000.* answered .* expected it to be done"):
            pull(store, read_manifest(store, "sample", cycle(0)), tmp_path / "outer" / "copy")

    assert any("/data/" in path for path in proxy.asked)
    assert elsewhere.asked == []
    copy = tmp_path / "outer" / "copy"
    assert not list(copy.glob("data/*"))
    assert not (copy / "copy.json").exists()
    assert [path.name for path in (tmp_path / "outer").iterdir()] == ["copy"]
