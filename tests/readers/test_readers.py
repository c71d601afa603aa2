"""The tools people have open a snapshot as it lies: every example of the page gives exactly its ids."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

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
    pytest.importorskip(LIBRARY[tool], reason="part of `make readers`, or too large for it")
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


def test_column_that_img2dataset_is_pointed_at_is_one_of_urls(place):
    frame = resift.open((place / "lake").as_uri(), "quickstart", str(cycle(0))).to_table()
    command = PAGE.split("## img2dataset")[1]
    column, other = re.search(r"--url_col (\w+)", command)[1], re.search(r'\["(\w+)"\]', command)[1]

    assert all(url.startswith("https://") for url in frame[column].to_pylist())
    assert other in frame.column_names
