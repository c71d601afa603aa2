"""One Airflow for all tests of DAGs: its own home, SQLite, and the environment set before Airflow is imported."""

import itertools
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_home = tempfile.TemporaryDirectory(prefix="resift-airflow-")
HOME = Path(_home.name)
DATASETS = HOME / "datasets"
LAKE = HOME / "lake"

SOURCES = HOME / "sources"
INBOX = HOME / "inbox"

for folder in (DATASETS, SOURCES, INBOX):
    folder.mkdir()
(DATASETS / "photos.yaml").write_text(
    """\
name: photos
pool: photos
anchor: 2025-01-06
every: 90d
size: 200
publish_columns: [image_id, url, created_at]
retention: 720d
"""
)
(DATASETS / "tiles.yaml").write_text(
    (DATASETS / "photos.yaml").read_text().replace("photos", "tiles").replace("90d", "30d")
)

(SOURCES / "museum.yaml").write_text(
    """\
name: museum
pool: museum
format: csv
fields:
  image_id: id
  url: url
state: {constant: public}
observed_at: {column: seen}
"""
)

BUNDLES = [
    {"name": name, "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": str(path)}}
    for name, path in {"resift": ROOT / "dags", "small": Path(__file__).parent / "small"}.items()
]

os.environ.update(
    AIRFLOW_HOME=str(HOME / "airflow"),
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(BUNDLES),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    RESIFT_DATASETS=str(DATASETS),
    RESIFT_SOURCES=str(SOURCES),
    RESIFT_INBOX=str(INBOX),
    RESIFT_LAKE=LAKE.as_uri(),
)


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """A migrated metadata database, shared by every test that runs a DAG: starting one costs seconds."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def dag_bag():
    """The DAGs of this repository, over two small dataset files."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")


@pytest.fixture(scope="session")
def run_dag(airflow_db):
    """Run a DAG as a person triggers it, each time at another instant.

    ``DAG.test`` deletes the run it finds at the same logical date, all that have none included, and clears its tasks:
    a second run would take away the first while a test still looks at it.
    """
    minutes = itertools.count()

    def run(dag, **conf):
        moment = datetime(2025, 4, 6, tzinfo=UTC) + timedelta(minutes=next(minutes))
        return dag.test(logical_date=moment, run_conf=conf or None)

    return run
