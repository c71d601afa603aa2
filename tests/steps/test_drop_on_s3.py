"""A drop may lie in an object store: a file of it, or a folder."""

import pytest
import s3_servers
from drops import make_source, observations, row, take, write

from resift.errors import DropRejected
from resift.storage.memory import MemoryStore


@pytest.fixture
def bucket(s3_server, monkeypatch):
    server = s3_server(s3_servers.available()[0])
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.client(), server.new_bucket()


def test_a_file_or_a_folder_of_s3_is_the_same_drop_as_on_disk(bucket, tmp_path):
    client, name = bucket
    path = write(tmp_path / "d" / "drop.csv", [row(1), row(2)])
    client.put_object(Bucket=name, Key="in/today/drop.csv", Body=path.read_bytes())

    drops = [
        take(MemoryStore(), make_source(), place)[0].drop_id
        for place in (f"s3://{name}/in/today/drop.csv", f"s3://{name}/in/today", f"s3://{name}/in/today/", path)
    ]
    store = MemoryStore()
    found = observations(store, *take(store, make_source(), f"s3://{name}/in/today/"))

    assert len(set(drops)) == 1
    assert sorted(o["image_id"] for o in found) == ["item-1", "item-2"]


def test_a_folder_of_s3_with_nothing_in_it_is_refused(bucket):
    _, name = bucket

    with pytest.raises(DropRejected, match="found nothing, expected files that match"):
        take(MemoryStore(), make_source(), f"s3://{name}/nowhere/")
