"""Exit codes as documented, answers on stdout, one message without a traceback on stderr, help for everything."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation, publish_unjudged
from typer.testing import CliRunner

from resift import __version__, errors
from resift.cli.exits import DONE, NO, UNKNOWN, WRONG_USE, exit_code
from resift.cli.main import app, main
from resift.client.snapshots import read_manifest
from resift.model import keys
from resift.storage import LocalStore

COMMANDS = (
    "ingest",
    "refresh",
    "approve",
    "snapshots",
    "show",
    "diff",
    "verify",
    "history",
    "pull",
    "pin",
    "check",
    "update",
    "cite",
    "suppress",
    "erase",
    "withdraw",
    "retire",
    "compact",
    "sweep",
)
ANSWERING = COMMANDS


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with two versions of one dataset; not to be changed."""
    store = LocalStore(tmp_path_factory.mktemp("cli") / "lake")
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(10 * k, 60)] for k in (0, 1)))
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=20, turnover=0.5, nominal_width=0.3), cycle(k))
    return store


@pytest.fixture
def own_lake(tmp_path):
    """A lake with one version, to be changed."""
    store = LocalStore(tmp_path / "lake")
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(60)])
    publish_unjudged(store, make_dataset(size=20), cycle(0))
    return store


@pytest.fixture
def resift(monkeypatch, capsys):
    """Run a command in this process, as the console script does; return exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["resift", *map(str, arguments)])
        monkeypatch.delenv("RESIFT_LAKE", raising=False)
        monkeypatch.delenv("RESIFT_DATASET", raising=False)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def options(store, *, dataset="sample"):
    return ["--lake", store.url, "--dataset", dataset]


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_help_that_says_what_it_does(self, command):
        done = CliRunner().invoke(app, [command, "--help"])

        assert done.exit_code == DONE
        assert f"{command} [OPTIONS]" in done.stdout

    def test_all_commands_are_listed_with_the_exit_codes(self):
        done = CliRunner().invoke(app, ["--help"])

        assert all(command in done.stdout for command in COMMANDS)
        assert "0 done, 1 the answer is no, 2 wrong use, 3 could not find out" in " ".join(done.stdout.split())

    def test_version_of_the_package_is_told(self, resift):
        assert resift("--version") == (DONE, f"resift {__version__}\n", "")

    def test_commands_tested_here_are_all_there_are(self):
        assert sorted(command.callback.__name__ for command in app.registered_commands) == sorted(COMMANDS)

    @pytest.mark.parametrize("command", ANSWERING)
    def test_every_command_that_answers_can_answer_in_json(self, command):
        assert "--json" in CliRunner().invoke(app, [command, "--help"], terminal_width=200).stdout


class TestAnswers:
    @pytest.mark.parametrize(
        "command",
        [
            ["snapshots"],
            ["show", "latest"],
            ["show", f"{cycle(0)}.0"],
            ["diff", str(cycle(0)), "latest"],
            ["diff", str(cycle(0)), "latest", "--items"],
            ["verify", str(cycle(1))],
        ],
        ids=" ".join,
    )
    def test_answer_is_on_stdout_alone_and_parses_with_json(self, resift, lake, command):
        plain, answer = resift(*command, *options(lake)), resift(*command, *options(lake), "--json")

        assert (plain[0], plain[2], answer[0], answer[2]) == (DONE, "", DONE, "")
        assert plain[1] != ""
        assert json.loads(answer[1])

    def test_snapshots_are_listed_with_the_latest_marked(self, resift, lake):
        _, out, _ = resift("snapshots", *options(lake), "--json")

        assert [(one["version"], one["latest"]) for one in json.loads(out)] == [
            (str(cycle(0)), False),
            (str(cycle(1)), True),
        ]

    def test_show_in_json_is_the_manifest(self, resift, lake):
        _, out, _ = resift("show", "latest", *options(lake), "--json")

        assert json.loads(out) == read_manifest(lake, "sample", "latest").model_dump(mode="json")

    def test_only_dataset_need_not_be_named(self, resift, lake):
        assert resift("show", "latest", "--lake", lake.url)[0] == DONE

    def test_diff_in_json_counts_and_lists_the_same(self, resift, lake):
        _, out, _ = resift("diff", cycle(1), cycle(0), *options(lake), "--items", "--json")

        answer = json.loads(out)
        assert (answer["older"], answer["newer"]) == (str(cycle(0)), str(cycle(1)))
        assert sum(answer["entered"].values()) + sum(answer["left"].values()) == len(answer["items"]) > 0

    def test_empty_lake_lists_no_snapshots(self, resift, tmp_path):
        code, out, err = resift("snapshots", "--lake", tmp_path.as_uri(), "--json")

        assert (code, out) == (DONE, "[]\n")
        assert err == f"resift: nothing is published in {tmp_path.as_uri()}.\n"

    @pytest.mark.parametrize(("image_id", "request_"), [("", "T-1"), (" ", "T-1"), ("i1", "")])
    def test_suppression_of_nothing_is_refused(self, resift, own_lake, image_id, request_):
        code, _, err = resift(
            "suppress", "photos", "--image-id", image_id, "--request", request_, "--lake", own_lake.url
        )

        assert (code, list(own_lake.list("suppressions/"))) == (WRONG_USE, [])
        assert "found an empty id or request" in err

    def test_suppression_is_answered_and_kept(self, resift, own_lake):
        code, out, _ = resift("suppress", "photos", "--image-id", "i1", "--request", "T-1", "--lake", own_lake.url)

        assert (code, len(list(own_lake.list("suppressions/")))) == (DONE, 1)
        assert "for request T-1" in out
        assert "i1" not in out

    def test_suppression_of_an_id_the_pool_does_not_hold_says_so_and_stands(self, resift, own_lake):
        code, _, err = resift("suppress", "photos", "--image-id", "i1 ", "--request", "T-1", "--lake", own_lake.url)

        assert (code, len(list(own_lake.list("suppressions/")))) == (DONE, 1)
        assert err == "resift: pool photos holds no image of the id given. Check it, letter by letter.\n"

    def test_suppression_in_json_names_no_id(self, resift, own_lake):
        _, out, _ = resift(
            "suppress", "photos", "--owner-id", "owner", "--request", "T-1", "--lake", own_lake.url, "--json"
        )

        assert json.loads(out)["kind"] == "owner"
        assert '"owner"' not in out.replace('"kind": "owner"', "")


def one_message(err):
    """The message of an error: it begins with the program's name and holds no traceback."""
    assert err.startswith("resift: ")
    assert err.count("resift: ") == 1
    assert "Traceback" not in err
    return err


class TestNo:
    def test_damaged_snapshot_is_the_answer_no(self, resift, own_lake):
        manifest = read_manifest(own_lake, "sample", "latest")
        own_lake.put(keys.snapshot("sample", cycle(0)) + manifest.parts[0].path, b"damaged")

        code, out, err = resift("verify", "latest", *options(own_lake))

        assert (code, err) == (NO, "")
        assert "has 7 bytes, the manifest says" in out

    def test_damaged_snapshot_is_the_answer_no_in_json_too(self, resift, own_lake):
        manifest = read_manifest(own_lake, "sample", "latest")
        own_lake.delete(keys.snapshot("sample", cycle(0)) + manifest.parts[0].path)

        code, out, _ = resift("verify", "latest", *options(own_lake), "--json")

        assert code == NO
        assert "is missing, the manifest lists it" in json.loads(out)["problems"][0]

    def test_version_whose_verdict_is_lost_is_the_answer_no_to_who_asks_for_a_judgement(self, resift, own_lake):
        manifest = read_manifest(own_lake, "sample", "latest")
        whole, said, _ = resift("verify", "latest", *options(own_lake), "--judge")
        own_lake.delete(keys.snapshot("sample", cycle(0)) + keys.quality(manifest.verdict_seal, "verdict.json"))

        code, out, _ = resift("verify", "latest", *options(own_lake), "--judge")
        _, answer, _ = resift("verify", "latest", *options(own_lake), "--judge", "--json")

        assert (whole, said.splitlines()[-1]) == (0, f"sample {cycle(0)}.0: 26 of 26 rules hold")
        assert code == NO
        assert "the verdict lies beside it: found verdict_found 0, expected verdict_found = 1." in out
        broken = {one["rule"] for one in json.loads(answer)["findings"] if one["status"] == "fail"}
        assert {"every listed file is there", "the verdict lies beside it"} <= broken

    def test_damaged_manifest_is_the_answer_no(self, resift, own_lake):
        own_lake.put(keys.manifest("sample", cycle(0)), b"{}")

        code, out, err = resift("verify", cycle(0), *options(own_lake))

        assert (code, out) == (NO, "")
        assert "expected a Manifest" in one_message(err)

    def test_refused_refresh_is_the_answer_no(self, resift, tmp_path):
        store = LocalStore(tmp_path / "lake")
        make_pool(store, [observation("i", cycle(0), state="deleted")])
        (tmp_path / "sample.yaml").write_bytes(make_dataset().to_json())

        code, out, err = resift(
            "refresh", tmp_path / "sample.yaml", "--lake", store.url, "--as-of", cycle(0), "--known-at", NOW.isoformat()
        )

        assert (code, out) == (NO, "")
        assert "no item of the pool may be drawn (found 1 deleted), expected 100" in one_message(err)

    def test_what_a_refresh_read_is_told_beside_the_json_of_the_manifest(self, resift, tmp_path):
        store = LocalStore(tmp_path / "lake")
        make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(300)])
        (tmp_path / "sample.yaml").write_bytes(make_dataset().to_json())
        command = ("refresh", tmp_path / "sample.yaml", "--lake", store.url, "--as-of", cycle(0), "--json")

        code, out, err = resift(*command, "--known-at", NOW.isoformat())

        assert (code, json.loads(out)["rows"]) == (DONE, 100)
        assert re.search(r"^sift read [\d,]+ bytes of the pool's runs, \d+\.\d times the [\d,]+ needed\.$", err, re.M)


class TestWrongUse:
    @pytest.mark.parametrize(
        ("command", "message"),
        [
            (["show", "2020-01-01"], "not published, expected one of"),
            (["show", "lates"], "The nearest is latest."),
            (["show", str(cycle(0).replace(day=2))], f"The nearest is {cycle(0)}."),
            (["show", "latest", "--dataset", "other"], "dataset other: nothing is published under that name"),
            (["verify", f"{cycle(0)}.7"], "at revision 0, expected 7"),
            (["suppress", "photos", "--request", "r"], "found neither of --image-id and --owner-id"),
            (["suppress", "birds", "--image-id", "i", "--request", "r"], "pool birds: not found"),
            (["refresh", "nowhere"], "dataset nowhere: there is no file"),
        ],
    )
    def test_wrong_thing_asked_for_is_wrong_use(self, resift, lake, command, message):
        code, out, err = resift(*command, "--lake", lake.url)

        assert (code, out) == (WRONG_USE, "")
        assert message in one_message(err)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--as-of", str(cycle(0).replace(day=2))], f"The nearest grid dates are {cycle(0)} and {cycle(1)}"),
            (["--as-of", "soon"], "as_of soon: not a date"),
            (["--as-of", str(cycle(9)), "--known-at", NOW.isoformat()], "is later than known_at"),
            (["--known-at", "noon"], "known_at noon: not an instant"),
            (["--known-at", "2026-11-23T12:00:00"], "has no time zone"),
            (["--known-at", "9999-01-06T00:00:00Z"], "expected an instant not later than now"),
        ],
    )
    def test_wrong_date_is_wrong_use(self, resift, lake, tmp_path, options, message):
        (tmp_path / "sample.yaml").write_bytes(make_dataset().to_json())

        code, out, err = resift("refresh", tmp_path / "sample.yaml", "--lake", lake.url, *options)

        assert (code, out) == (WRONG_USE, "")
        assert message in one_message(err)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"sizes": 5}, "sizes: unknown key"),
            ({"every": "0d"}, "a positive number of days such as 90d"),
            ({"every": "90"}, "a positive number of days such as 90d"),
            ({"size": 0}, "greater than or equal to 1"),
            ({"publish_columns": ["image_id", "owner_id"]}, "publish_columns without owner_id"),
        ],
    )
    def test_wrong_dataset_file_is_wrong_use(self, resift, lake, tmp_path, change, message):
        content = json.loads(make_dataset().to_json()) | change
        (tmp_path / "sample.yaml").write_text(json.dumps(content))

        code, _, err = resift("refresh", tmp_path / "sample.yaml", "--lake", lake.url)

        assert code == WRONG_USE
        assert message in one_message(err)

    @pytest.mark.parametrize("url", ["/srv/lake", "ftp://host/lake", "", "file:relative"])
    def test_wrong_lake_is_wrong_use(self, resift, url):
        code, _, err = resift("snapshots", "--lake", url)

        assert code == WRONG_USE
        assert "expected file:///absolute/directory or s3://bucket/prefix" in one_message(err)

    @pytest.mark.parametrize("command", [["show", "latest"], ["verify", "latest"], ["pin", "latest"]], ids=" ".join)
    def test_lake_that_is_not_there_is_told_as_such(self, resift, tmp_path, command):
        code, _, err = resift(*command, "--lake", (tmp_path / "lake").as_uri())

        assert code == WRONG_USE
        assert f"lake {(tmp_path / 'lake').as_uri()}: found nothing there, expected a lake. Correct --lake" in err

    def test_lake_that_publishes_nothing_yet_is_not_taken_for_one_that_is_not_there(self, resift, tmp_path):
        store = LocalStore(tmp_path / "lake")
        make_pool(store, [observation("i", cycle(0))])

        code, _, err = resift("show", "latest", "--lake", store.url)

        assert code == WRONG_USE
        assert "publishes none; expected exactly one. Refresh one first." in one_message(err)

    @pytest.mark.parametrize("arguments", [["fly"], ["show"], ["snapshots", "--sideways"], ["snapshots"]])
    def test_words_no_command_knows_are_wrong_use(self, resift, arguments):
        code, out, err = resift(*arguments)

        assert (code, out) == (WRONG_USE, "")
        assert "Usage:" in err


class TestUnknown:
    def test_pool_without_observations_is_not_an_answer(self, resift, tmp_path):
        store = LocalStore(tmp_path / "lake")
        make_pool(store)
        (tmp_path / "sample.yaml").write_bytes(make_dataset().to_json())

        code, _, err = resift("refresh", tmp_path / "sample.yaml", "--lake", store.url, "--as-of", cycle(0))

        assert code == UNKNOWN
        assert "pool photos: holds no observations, expected some" in one_message(err)


def error_classes():
    return [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_every_error_has_an_exit_code_that_is_not_success(error):
    assert exit_code(error("what")) in (NO, WRONG_USE, UNKNOWN)


def test_storage_that_failed_is_could_not_find_out():
    assert exit_code(errors.StorageError("")) == exit_code(errors.StagingError("")) == UNKNOWN


class TestProcess:
    """What only a process of its own can show."""

    COMMAND = (sys.executable, "-c", "from resift.cli.main import main; main()")

    def test_error_ends_a_process_with_its_code_and_one_message(self, tmp_path):
        done = subprocess.run(
            [*self.COMMAND, "show", "latest", "--dataset", "x", "--lake", tmp_path.as_uri()],
            capture_output=True,
            text=True,
        )

        assert (done.returncode, done.stdout) == (WRONG_USE, "")
        assert "dataset x: nothing is published" in one_message(done.stderr)

    def test_reading_commands_load_neither_the_judge_nor_airflow(self):
        code = "import sys, resift.cli.main, resift.client.diff, resift.client.verify; print(*sorted(sys.modules))"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

        assert not {"great_expectations", "airflow", "boto3", "moto"} & set(loaded)
