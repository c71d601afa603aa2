"""Which lake a URL names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import s3_servers

from resift.errors import ConfigError, StorageError
from resift.storage import LocalStore, open_store
from resift.storage.s3 import S3Store


def test_a_file_url_opens_a_directory(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())

    assert isinstance(store, LocalStore)
    assert store.url == tmp_path.as_uri()


def test_a_file_url_is_unquoted(tmp_path: Path) -> None:
    open_store((tmp_path / "my lake ü%").as_uri()).put("a", b"")

    assert (tmp_path / "my lake ü%" / "a").exists()


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", "found nothing"),
        ("lake", "found a path, expected file:///absolute/directory or s3://bucket/prefix. Write file:///"),
        ("/srv/lake", "Write file:///srv/lake."),
        ("gs://bucket/prefix", "found another scheme"),
        ("s3:/bucket/lake", "Write s3://bucket/lake."),
        ("file://host/lake", "found no absolute directory"),
        ("file:lake", "found no absolute directory"),
        ("file:///lake#1", "Write them as %3F and %23"),
        ("s3://", "found the bucket name ''"),
        ("s3:///prefix", "found the bucket name ''"),
        ("s3://b$/prefix", "found the bucket name 'b$'"),
        ("s3://bucket/a//b", "found the segment ''"),
        ("s3://bucket/../b", "found the segment '..'"),
    ],
)
def test_another_url_is_refused_with_what_is_accepted(url: str, found: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_store(url)

    assert found in str(refusal.value)


@pytest.mark.parametrize("prefix", ["", "/", "/some/lake", "/some/lake/"])
@pytest.mark.parametrize("name", s3_servers.available())
def test_an_s3_url_opens_a_bucket_as_the_environment_says(
    name: str, prefix: str, s3_server: Callable[[str], s3_servers.S3Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = s3_server(name)
    bucket = server.new_bucket()
    for variable, value in server.environment.items():
        monkeypatch.setenv(variable, value)

    store = open_store(f"s3://{bucket}{prefix}")
    store.create("a/b", b"one")

    assert store.url == f"s3://{bucket}{prefix}".rstrip("/")
    assert [found.key for found in store.list("")] == ["a/b"]
    keys = [found["Key"] for found in server.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == [f"{prefix.strip('/')}/a/b".lstrip("/")]


def test_without_an_endpoint_s3_is_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")

    assert isinstance(open_store("s3://bucket/prefix"), S3Store)


@pytest.mark.parametrize(
    ("variable", "in_profile", "checksums"),
    [
        (None, None, "when_supported"),
        (None, "http://127.0.0.1:9", "when_required"),
        ("http://127.0.0.1:9", None, "when_required"),
        ("https://s3.eu-north-1.amazonaws.com", None, "when_supported"),
    ],
    ids=["AWS", "look-alike of a profile", "look-alike of a variable", "AWS of a variable"],
)
def test_a_look_alike_is_spared_checksums_however_it_is_named(
    variable: str | None, in_profile: str | None, checksums: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv("AWS_ENDPOINT_URL", variable)
    profile = tmp_path / "config"
    profile.write_text("[default]\nregion = eu-north-1\n" + (f"endpoint_url = {in_profile}\n" if in_profile else ""))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))

    store = open_store("s3://bucket/prefix")

    assert isinstance(store, S3Store)
    assert store._client.meta.config.request_checksum_calculation == checksums
    assert store._client.meta.config.response_checksum_validation == checksums


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(StorageError, match="found no usable AWS credentials"):
        open_store("s3://bucket/prefix").get("a")


def test_an_unknown_profile_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(StorageError, match="nobody"):
        open_store("s3://bucket/prefix")


def test_an_endpoint_that_is_no_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")

    with pytest.raises(ConfigError, match="Correct AWS_ENDPOINT_URL"):
        open_store("s3://bucket/prefix")


def test_a_local_lake_does_not_import_boto3(tmp_path: Path) -> None:
    code = "import sys; from resift.storage import open_store; open_store(sys.argv[1]).put('a', b'')"
    code += "; assert not {'boto3', 'botocore', 'pyarrow', 'pandas'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", code, tmp_path.as_uri()], check=True)


def test_an_s3_lake_is_opened_without_what_only_writers_need() -> None:
    code = "import sys; from resift.storage import open_store; open_store('s3://bucket/prefix')"
    code += "; assert not {'boto3', 's3transfer', 'pyarrow', 'yaml'} & set(sys.modules)"
    environment = os.environ | {"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-north-1"}

    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
