"""``resift ingest`` answers on stdout, explains on stderr, and its exit code says how it went."""

import json
import sys

import pytest
import yaml
from drops import make_source, row, write
from typer.testing import CliRunner

from resift.cli.main import app
from resift.errors import ConfigError, DropRejected


@pytest.fixture
def run(tmp_path):
    def command(*arguments, source=None):
        path = tmp_path / "source.yaml"
        path.write_text(yaml.safe_dump((source or make_source()).model_dump(mode="json", exclude_none=True)))
        lake = (tmp_path / "lake").as_uri()
        return CliRunner().invoke(app, ["ingest", "--source", str(path), "--lake", lake, *map(str, arguments)])

    return command


def test_a_drop_is_answered_with_its_counts_and_reasons(run, tmp_path):
    done = run(write(tmp_path / "drop.csv", [row(1), row(2, state="odd")]))

    assert done.exit_code == 0
    assert "2 rows = 1 observations + 1 in quarantine" in done.stdout
    assert "quarantine: 1 × state is unknown" in done.stderr


def test_a_drop_that_is_in_the_pool_already_is_said_to_be(run, tmp_path):
    path = write(tmp_path / "drop.csv", [row(1)])

    first, second = run("--json", path), run("--json", path)

    assert [answer["new"] for done in (first, second) for answer in json.loads(done.stdout)] == [True, False]
    assert "(was in the pool already)" in run(path).stdout


def test_a_drop_that_is_refused_is_the_answer_no(run, tmp_path):
    done = run(tmp_path / "nowhere")

    assert isinstance(done.exception, DropRejected)
    assert done.stdout == ""


def test_an_instant_that_is_none_is_wrong_use(run, tmp_path):
    path = write(tmp_path / "drop.csv", [row(1)])

    done = run("--observed-at", "soon", path, source=make_source(observed_at=None))

    assert isinstance(done.exception, ConfigError)
    assert "observed_at soon: not an instant" in str(done.exception)


def test_a_source_file_that_is_not_there_is_wrong_use(tmp_path):
    done = CliRunner().invoke(app, ["ingest", "--source", str(tmp_path / "x.yaml"), "--lake", tmp_path.as_uri(), "d"])

    assert isinstance(done.exception, ConfigError)
    assert "x.yaml: found no file of text" in str(done.exception)


def test_a_drop_is_judged_before_it_is_in_the_pool_if_told_so(run, tmp_path):
    done = run("--judge", write(tmp_path / "drop.csv", [row(1), row(2, state="odd")]))

    assert done.exit_code == 0
    assert "2 rows = 1 observations + 1 in quarantine" in done.stdout


def test_judging_without_great_expectations_names_the_extra_and_ingests_nothing(run, tmp_path, monkeypatch):
    # None is how Python itself marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "great_expectations", None)

    done = run("--judge", write(tmp_path / "drop.csv", [row(1)]))

    assert isinstance(done.exception, ConfigError)
    assert "expected the extra `airflow`, which brings it. In a clone of resift: pip install" in str(done.exception)
    assert not (tmp_path / "lake" / "pool").exists()
