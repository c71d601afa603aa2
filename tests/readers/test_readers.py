"""The tools people have open a snapshot as it lies: every example of the page gives exactly its ids."""

from __future__ import annotations

import re
import shlex
import shutil
import struct
import subprocess
import sys
import tarfile
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged

import resift
from resift.client.pull import pull
from resift.storage import LocalStore

PAGE = (Path(__file__).parents[2] / "docs" / "readers.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", PAGE.split("## img2dataset")[0], re.M | re.S))
LIBRARY = {
    "pandas": "pandas",
    "Polars": "polars",
    "DuckDB": "duckdb",
    "Hugging Face datasets": "datasets.arrow_dataset",
    "Croissant": "mlcroissant",
    "PyTorch": "torch",
    "Spark": "pyspark",
}
# A folder of this repository is called datasets as well, so what is looked for is a module of the library.
IN_PARALLEL = {"PyTorch", "Spark"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A lake with a version of two parts, and a copy of it."""
    place = tmp_path_factory.mktemp("readers")
    store = LocalStore(place / "lake")
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(300)])
    manifest = publish_unjudged(store, make_dataset(name="quickstart", size=200, part_rows=100), cycle(0))
    assert len(manifest.parts) > 1
    pull(store, manifest, place / "copy")
    return place


def test_every_example_is_run():
    assert list(EXAMPLES) == list(LIBRARY)


@pytest.mark.parametrize("tool", EXAMPLES)
def test_tool_reads_exactly_the_rows_of_the_snapshot(tool, place, monkeypatch):
    pytest.importorskip(LIBRARY[tool], reason="part of `make readers` or `make readers-training`")
    if tool == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    monkeypatch.chdir(place)
    lake = (place / "lake").as_uri()
    expected = resift.open(lake, "quickstart", str(cycle(0))).to_table()["image_id"].to_pylist()
    found = {}

    exec(EXAMPLES[tool].replace("file:///srv/lake", lake).replace("2025-07-05", str(cycle(0))), found)

    assert sorted(found["ids"]) == sorted(expected)
    assert len(found["ids"]) == 200
    if tool not in IN_PARALLEL:
        assert found["ids"] == expected


@pytest.fixture
def gallery():
    """A web server that has one picture under every name but ``i7``."""

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self):
            there = self.path != "/i7.png"
            self.send_response(200 if there else 404)
            self.end_headers()
            self.wfile.write(picture() if there else b"")

        def log_message(self, format, *args):
            """Keep the test report quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Serve) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def picture():
    """A grey PNG of 8 by 8 pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head, rows = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0), (b"\0" + bytes([128] * 8)) * 8
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_img2dataset_fetches_what_the_snapshot_lists(gallery, tmp_path, monkeypatch):
    pytest.importorskip("img2dataset", reason="part of `make readers-training`")
    store = LocalStore(tmp_path / "lake")
    make_pool(store, [observation(f"i{n}", cycle(0), url=f"{gallery}/i{n}.png") for n in range(20)])
    manifest = publish_unjudged(store, make_dataset(size=20), cycle(0))
    pull(store, manifest, tmp_path / "copy")
    command = shlex.split(re.search(r"^```sh\n(img2dataset .*?)^```$", PAGE, re.M | re.S)[1].replace("\\\n", " "))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # it would look for a newer version of itself

    subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], check=True, capture_output=True)

    fetched = pq.read_table(*tmp_path.glob("images/*.parquet")).to_pylist()
    assert {row["image_id"]: row["status"] for row in fetched} == {
        f"i{n}": "failed_to_download" if n == 7 else "success" for n in range(20)
    }
    with tarfile.open(*tmp_path.glob("images/*.tar")) as images:
        assert sum(name.endswith(".jpg") for name in images.getnames()) == 19


def test_column_that_img2dataset_is_pointed_at_is_one_of_urls(place):
    frame = resift.open((place / "lake").as_uri(), "quickstart", str(cycle(0))).to_table()
    command = PAGE.split("## img2dataset")[1]
    column, other = re.search(r"--url_col (\w+)", command)[1], re.search(r'\["(\w+)"\]', command)[1]

    assert all(url.startswith("https://") for url in frame[column].to_pylist())
    assert other in frame.column_names
