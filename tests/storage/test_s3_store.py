"""What only S3 and its look-alikes can get wrong: preconditions, lost responses, rights and networks."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3_servers
from s3_proxy import S3Proxy, proxy_before

from resift.errors import ConditionalWritesUnsupported, KeyExists, StorageError, WriteConflict
from resift.storage.s3 import S3Store

StartServer = Callable[[str], s3_servers.S3Server]


@pytest.fixture(params=s3_servers.available())
def server(request: pytest.FixtureRequest, s3_server: StartServer) -> s3_servers.S3Server:
    return s3_server(request.param)


@pytest.fixture
def proxied(server: s3_servers.S3Server) -> Iterator[tuple[S3Store, S3Proxy]]:
    """A store whose every request passes the proxy."""
    with proxy_before(server.endpoint) as proxy:
        yield S3Store(server.client(proxy.endpoint), server.new_bucket(), "lake"), proxy


@pytest.fixture
def lookalike(s3_server: StartServer) -> Iterator[tuple[S3Store, S3Proxy]]:
    """A store on moto's server, which, unlike others, does not check that the signed headers arrive."""
    server = s3_server("moto")
    with proxy_before(server.endpoint) as proxy:
        yield S3Store(server.client(proxy.endpoint), server.new_bucket(), "lake"), proxy


@pytest.mark.parametrize(
    ("forgets", "named"),
    [
        (lambda path, header: header == "if-none-match", r"If-None-Match: \* on an existing key"),
        (lambda path, header: header == "if-match", "If-Match with a foreign etag"),
        (lambda path, header: header == "if-match" and "-missing" in path, "If-Match on a missing key"),
    ],
)
def test_an_endpoint_that_ignores_a_precondition_is_refused(
    lookalike: tuple[S3Store, S3Proxy], forgets: Callable[[str, str], bool], named: str
) -> None:
    store, proxy = lookalike
    proxy.forgets = forgets

    for write in (lambda: store.create("a", b"one"), lambda: store.swap("a", b"one", etag="x")):
        with pytest.raises(
            ConditionalWritesUnsupported, match=rf"{proxy.endpoint} ignored .*{named}.* Use an endpoint"
        ):
            write()
    assert list(store.list("")) == []


def test_an_endpoint_that_does_not_know_preconditions_is_refused(lookalike: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = lookalike
    proxy.answers_conditions_with = (501, "NotImplemented")

    with pytest.raises(ConditionalWritesUnsupported, match="answered NotImplemented"):
        store.create("a", b"one")


def test_missing_rights_are_named_and_not_taken_for_missing_preconditions(lookalike: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = lookalike
    proxy.answers_conditions_with = (403, "AccessDenied")

    with pytest.raises(StorageError, match=r"answered AccessDenied to PutObject, expected to be allowed") as refusal:
        store.create("a", b"one")
    assert not isinstance(refusal.value, ConditionalWritesUnsupported)


def test_a_write_the_endpoint_never_decides_is_an_error(lookalike: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = lookalike
    etag = store.create("a", b"one")
    proxy.answers_conditions_with = (409, "ConditionalRequestConflict")

    with pytest.raises(StorageError, match="found other writers at work in 5 attempts"):
        store.create("b", b"one")
    with pytest.raises(WriteConflict):
        store.swap("a", b"two", etag=etag)


def test_a_body_cut_in_its_middle_is_read_again(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.put("a", b"a" * 100_000)
    proxy.bodies_to_cut = 1

    assert store.get("a") == b"a" * 100_000
    assert proxy.bodies_to_cut == 0


def test_a_stream_cut_in_its_middle_goes_on_from_there(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    body = os.urandom(1_000_000)
    store.put("a", body)
    proxy.bodies_to_cut = 1

    assert b"".join(store.stream("a", start=0, length=1_000_000)) == body
    assert len(proxy.ranges) == 2
    assert 0 < proxy.ranges[1][0] <= 500_000


def test_a_stream_never_goes_on_in_another_object(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.put("a", b"a" * 1_000_000)
    proxy.bodies_to_cut = 1
    blocks = store.stream("a", start=0, length=1_000_000)
    next(blocks)
    store.put("a", b"b" * 1_000_000)

    with pytest.raises(StorageError, match="another writer replaced it"):
        list(blocks)


def test_a_body_that_is_always_cut_is_an_error(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.put("a", b"a" * 100_000)
    proxy.bodies_to_cut = 100

    with pytest.raises(StorageError, match=r"a: found .*expected"):
        store.get_range("a", start=0, length=1000)


def test_an_endpoint_that_ignores_preconditions_still_reads_and_puts(lookalike: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = lookalike
    proxy.forgets = lambda path, header: header.startswith("if-")

    store.put("a", b"one")

    assert store.get("a") == b"one"


def test_the_probe_leaves_nothing_behind(server: s3_servers.S3Server) -> None:
    store = S3Store(server.client(), server.new_bucket(), "lake")

    store.create("a", b"one")

    assert [found.key for found in store.list("")] == ["a"]


def test_a_create_whose_response_was_lost_succeeds(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.create("warm", b"up")
    proxy.responses_to_lose = 1

    store.create("a", b"one")

    assert proxy.responses_to_lose == 0
    assert store.get("a") == b"one"


def test_a_create_whose_response_was_lost_still_sees_another_object(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.create("a", b"two")
    proxy.responses_to_lose = 1

    with pytest.raises(KeyExists):
        store.create("a", b"one")


def test_a_swap_whose_response_was_lost_succeeds(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    etag = store.create("a", b"one")
    proxy.responses_to_lose = 1

    new = store.swap("a", b"two", etag=etag)

    found = store.stat("a")
    assert proxy.responses_to_lose == 0
    assert found is not None
    assert found.etag == new
    assert store.get("a") == b"two"


def test_a_swap_whose_response_was_lost_still_loses_to_another_writer(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    etag = store.create("a", b"one")
    store.swap("a", b"two", etag=etag)
    proxy.responses_to_lose = 1

    with pytest.raises(WriteConflict):
        store.swap("a", b"two", etag=etag)


def test_reading_one_row_group_fetches_only_its_bytes(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    table = pa.table({"prn": list(range(80_000)), "sha256": [os.urandom(16) for _ in range(80_000)]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=8_000, compression="zstd")
    store.put("run.parquet", buffer.getvalue())

    with pq.ParquetFile(store.open("run.parquet")) as file:
        proxy.ranges.clear()
        file.read_row_group(5)
        group = file.metadata.row_group(5)

    columns = [group.column(index) for index in range(group.num_columns)]
    first = min(column.dictionary_page_offset or column.data_page_offset for column in columns)
    last = first + sum(column.total_compressed_size for column in columns) - 1
    assert 0 < sum(end - start + 1 for start, end in proxy.ranges) <= (last - first + 1) + 64 * 1024
    assert all(first <= start <= last for start, _ in proxy.ranges)


def test_opening_and_reading_the_end_takes_one_request(proxied: tuple[S3Store, S3Proxy]) -> None:
    store, proxy = proxied
    store.put("a", bytes(300_000) + b"the end")
    proxy.ranges.clear()

    with store.open("a") as file:
        file.seek(-7, io.SEEK_END)
        end = file.read()

    assert end == b"the end"
    assert len(proxy.ranges) == 1


def test_an_object_replaced_while_it_is_read_is_an_error(server: s3_servers.S3Server) -> None:
    store = S3Store(server.client(), server.new_bucket(), "lake")
    store.put("a", b"a" * 200_000)

    with store.open("a") as file:
        file.read(10)
        store.put("a", b"b" * 200_000)
        with pytest.raises(StorageError, match="another writer replaced it"):
            file.read(100_000)


def test_listing_goes_past_the_first_page(s3_server: StartServer) -> None:
    server = s3_server(s3_servers.available()[0])
    client, bucket = server.client(), server.new_bucket()
    store = S3Store(client, bucket, "")
    for number in range(1005):
        store.put(f"{number:04d}", b"")

    assert [found.key for found in store.list("")] == [f"{number:04d}" for number in range(1005)]


def test_folders_go_past_the_first_page(s3_server: StartServer) -> None:
    server = s3_server(s3_servers.available()[0])
    store = S3Store(server.client(), server.new_bucket(), "lake")
    for number in range(1005):
        store.put(f"a/{number:04d}/b", b"")

    assert sorted(store.folders("a/")) == [f"{number:04d}" for number in range(1005)]


def test_two_lakes_in_one_bucket_do_not_see_each_other(server: s3_servers.S3Server) -> None:
    client, bucket = server.client(), server.new_bucket()
    S3Store(client, bucket, "lake").put("a", b"one")
    S3Store(client, bucket, "lake2").put("b", b"two")

    assert [found.key for found in S3Store(client, bucket, "lake").list("")] == ["a"]


def test_a_missing_bucket_is_an_error_and_not_an_empty_lake(server: s3_servers.S3Server) -> None:
    store = S3Store(server.client(), "no-such-bucket", "lake")

    for use in (
        lambda: store.stat("a"),
        lambda: store.get("a"),
        lambda: list(store.list("")),
        lambda: store.put("a", b""),
        lambda: store.create("a", b""),
    ):
        with pytest.raises(StorageError, match=r"found no such bucket at http.*Create it or correct the lake URL"):
            use()


@pytest.mark.parametrize("name", [name for name in s3_servers.available() if name != "moto"])
def test_an_unknown_access_key_is_named(name: str, s3_server: StartServer) -> None:
    server = s3_server(name)
    store = S3Store(server.client(secret_key="wrong"), server.new_bucket(), "lake")

    with pytest.raises(StorageError, match=r"answered SignatureDoesNotMatch, expected to know the access key"):
        store.get("a")


def test_an_endpoint_that_does_not_answer_is_named(server: s3_servers.S3Server) -> None:
    store = S3Store(server.client("http://127.0.0.1:9", attempts=1), "lake-bucket", "lake")

    with pytest.raises(StorageError, match=r"found no answer from http://127.0.0.1:9 .*Check AWS_ENDPOINT_URL"):
        store.get("a")
