"""The documents say what is there: every command, key, error and object key, and what the commands shown print."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from documents import ROOT, SHOWN_LAKE, blocks_of, form_of, run_document

from resift import errors
from resift.cli.main import app
from resift.client.members import read_part
from resift.client.snapshots import read_manifest
from resift.core.circle import offsets
from resift.model import field, keys
from resift.model.dataset import Dataset, Limits
from resift.model.document import Document
from resift.model.source import BadRows, Csv, Fields, NullDrift, Source
from resift.steps.found_pool import ensure_pool
from resift.storage import open_store

DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
RUN = [document for document in DOCUMENTS if blocks_of(document.read_text(encoding="utf-8"))]
ORIGINS = (field.Mapped, field.Instant, field.StateRule, field.Carried)


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The text under a heading, up to the next of its level or above."""
    level = heading.split()[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table whose first cell is code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def documented_keys(text: str) -> dict[str, str]:
    """Key and default of every row of the reference tables that have a column of defaults."""
    found: dict[str, str] = {}
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        header = [cell.strip() for cell in table.splitlines()[0].split("|")[1:-1]]
        if header[0] == "key" and "default" in header:
            for cells in rows(table):
                found[cells[0].strip("`")] = cells[header.index("default")]
    return found


def declared_keys(model: type[Document], prefix: str = "") -> dict[str, str]:
    """Key and default of every field of a model, as the references write them."""
    return {f"{prefix}{name}": _default(model, name) for name in model.model_fields}


def _default(model: type[Document], name: str) -> str:
    found = model.model_fields[name]
    if found.is_required():
        return "required"
    value = found.get_default(call_default_factory=True)
    if isinstance(value, Document):
        return "see below"
    return repr(list(value) if isinstance(value, tuple) else value)


def _agrees(shown: str, declared: str) -> bool:
    if shown == declared or declared == "see below":
        return True
    if not shown.startswith("`"):
        return False
    value = yaml.safe_load(shown.strip("`"))
    if repr(value) == declared or f"datetime.timedelta(days={str(value)[:-1]})" == declared:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and str(float(value)) == declared


def assert_same_keys(shown: dict[str, str], declared: dict[str, str]) -> None:
    assert shown.keys() == declared.keys()
    assert {key: shown[key] for key in declared if not _agrees(shown[key], declared[key])} == {}


def test_every_key_and_default_of_a_dataset_file_is_documented_and_no_other() -> None:
    declared = declared_keys(Dataset) | declared_keys(Limits, "limits.")

    assert_same_keys(documented_keys(read("dataset-files.md")), declared)


def test_every_key_and_default_of_a_source_file_is_documented_and_no_other() -> None:
    declared = declared_keys(Source) | declared_keys(Csv, "csv.") | declared_keys(BadRows, "max_bad_rows.")
    declared |= declared_keys(NullDrift, "null_drift.")
    declared |= declared_keys(Fields, "fields.") | declared_keys(field.Lookup, "lookup.")
    for origin in ORIGINS:
        declared |= declared_keys(origin)

    assert_same_keys(documented_keys(read("source-files.md")), declared)


@pytest.mark.parametrize(("name", "model"), [("dataset-files.md", Dataset), ("source-files.md", Source)])
def test_the_example_of_a_reference_can_be_read(name: str, model: type[Document]) -> None:
    model.from_yaml(example_of(name), what=name)


def test_the_example_of_a_dataset_file_has_every_key() -> None:
    assert yaml.safe_load(example_of("dataset-files.md")).keys() == Dataset.model_fields.keys()


def example_of(name: str) -> str:
    example = re.search(r"^```yaml\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)
    assert example
    return example[1]


def commands() -> dict[str, Any]:
    return dict(vars(typer.main.get_command(app))["commands"])


def test_every_command_is_documented_and_no_other() -> None:
    headings = re.findall(r"^## resift (\w+)$", read("cli.md"), re.MULTILINE)

    assert headings == list(commands())


@pytest.mark.parametrize("command", commands())
def test_every_option_and_argument_of_a_command_is_documented_and_no_other(command: str) -> None:
    page = section(read("cli.md"), f"## resift {command}")
    shown = {word for cells in rows(page) for word in re.findall(r"--[\w-]+", cells[0])}
    parameters = commands()[command].params
    options = {name for one in parameters if one.param_type_name == "option" for name in one.opts} - {"--help"}
    arguments = [one for one in parameters if one.param_type_name == "argument"]
    named = {word.strip("`…") for cells in rows(page) for word in cells[0].split() if word.strip("`…").isupper()}

    assert shown == options
    assert len(named - {"FILE", "INSTANT", "URL", "NAME", "DATE", "N", "TEXT", "ID", "DIGEST", "NAMES", "DIR"}) == len(
        arguments
    )


def test_every_class_of_error_is_in_the_runbook_with_its_exit_code() -> None:
    from resift.cli.exits import exit_code

    declared = {
        name: str(exit_code(error("")))
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.ResiftError) and error is not errors.ResiftError
    }
    page = section(read("runbook.md"), "## Errors by class")
    shown = {cells[0].strip("`"): cells[2] for cells in rows(page) if cells[0] != "`ResiftError`"}

    assert shown == declared


def test_nothing_says_to_install_a_package_that_is_not_published() -> None:
    """resift is installed from a clone: `pip install .`."""
    texts = [*DOCUMENTS, *(ROOT / "include").rglob("*.py"), *(ROOT / "dags").rglob("*.py")]

    told = re.compile(r"install [^.\n]*\bresift\b(\[|`|$)", re.MULTILINE)
    assert {path.name for path in texts if told.search(path.read_text(encoding="utf-8"))} == set()


def test_every_dag_is_named_in_the_runbook() -> None:
    tasks = {
        "ingest_drops",
        "refresh_snapshot_NAME",
        "broken_datasets.py",
        "compact_pools",
        "sweep_pools",
        "erase_items",
        "retire_version",
    }

    assert {path.stem for path in (ROOT / "dags").glob("*.py")} == {
        name.removesuffix("_NAME").removesuffix(".py") for name in tasks
    }
    assert {name for name in tasks if f"{name}" not in read("runbook.md")} == set()


def test_every_variable_of_the_environment_is_in_the_runbook() -> None:
    code = [path for folder in ("include", "dags", "plugins") for path in (ROOT / folder).rglob("*.py")]
    read_ = {name for path in code for name in re.findall(r'"(RESIFT_\w+)"', path.read_text(encoding="utf-8"))}
    shown = {cells[0].strip("`") for cells in rows(section(read("runbook.md"), "## Deploy and scale"))}

    assert shown == read_


SHA = "0123456789abcdef" * 4
DAY = date(2025, 7, 5)
OBJECTS = [
    keys.pool("p"),
    keys.drop("p", "d"),
    keys.run("p", "d", 0),
    keys.quarantine("p", "d", 0),
    keys.compaction("p", 1),
    keys.compacted_run("p", "c", 0),
    keys.compaction_plan("p", "c"),
    keys.interval_receipt("p", "c", 0),
    keys.sweep("p", "d"),
    keys.delivered("p", "place"),
    keys.worklist("w"),
    keys.file_receipt("w", 0, 0),
    keys.suppression("p", "e"),
    keys.latest("s"),
    keys.manifest("s", DAY),
    keys.revision("s", DAY, 0),
    keys.tombstone("s", DAY),
    keys.erasure_plan("p", "d"),
    keys.erasure_receipt("p", "d"),
    keys.snapshot("s", DAY) + keys.part_name(0, 0, SHA),
    keys.snapshot("s", DAY) + keys.changes_name(0, SHA),
    keys.snapshot("s", DAY) + keys.quality(SHA, "verdict.json"),
    keys.snapshot("s", DAY) + keys.REPORT,
    keys.Staging("s", DAY, "plan").plan,
    keys.PROBES + "x",
]


@pytest.mark.parametrize("key", OBJECTS)
def test_every_key_of_a_lake_is_in_the_layout(key: str) -> None:
    table = section(read("how-it-works.md"), "## Where things lie")
    shown = [name for cells in rows(table) for name in re.findall(r"`([^`]+)`", cells[0])]
    # Capitals stand for a name, three dots for anything, and a folder for all that lies in it.
    spelled = [re.sub(r"[A-Z]{2,}", r"[\\w-]+", re.escape(name).replace("…", ".*")) for name in shown]

    assert any(re.fullmatch(f"{one}.*" if one.endswith("/") else one, key) for one in spelled)


def test_every_step_that_a_refresh_calls_is_in_the_flow() -> None:
    text = section(read("how-it-works.md"), "## The flow")
    flow = re.findall(r"^\| (\w+) \|", text, re.MULTILINE)

    assert flow == ["step", "ingest", "plan", "sift", "cut", "audit", "judge", "publish"]


def test_decisions_have_a_number_of_their_own_and_a_date() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))

    assert len({page.name[:3] for page in pages}) == len(pages)
    for page in pages:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {page.name[:3]}: ")
        assert date.fromisoformat(lines[2])


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)

    assert broken == []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the documents are run, each in a directory of its own."""
    return tmp_path_factory.mktemp("documents")


@pytest.mark.parametrize("document", RUN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_shown_print_what_is_shown(document: Path, place: Path) -> None:
    desk = place / document.stem
    desk.mkdir()

    for shown in run_document(document, desk):
        # A document may leave out what a command says on stderr.
        printed = [form_of(shown.found), form_of(shown.answer)]
        assert form_of(shown.expected) in printed, f"$ {shown.command}\n{shown.found}"


def test_the_readme_lays_the_salt_of_the_example_where_its_pool_finds_it(tmp_path: Path) -> None:
    commands = re.findall(
        r"^(?:mkdir|cp) .*$", section((ROOT / "README.md").read_text(encoding="utf-8"), "## Try it"), re.M
    )

    for command in commands:
        subprocess.run(shlex.split(command.replace("/tmp/lake", str(tmp_path))), cwd=ROOT, check=True)

    assert ensure_pool(open_store(tmp_path.as_uri()), "quickstart").salt in read("how-it-works.md")


@pytest.fixture(scope="module")
def lake(place: Path) -> Path:
    """The lake that the page of the command line leaves behind."""
    desk = place / "cli"
    if not desk.exists():
        desk.mkdir()
        run_document(DOCS / "cli.md", desk)
    return desk / "lake"


def test_the_row_that_how_it_works_follows_is_where_it_says(lake: Path) -> None:
    story = " ".join(section(read("how-it-works.md"), "## One row, from delivery to snapshot").split())
    store = open_store(lake.as_uri())

    manifest = read_manifest(store, "quickstart", "2025-07-05")
    part = read_part(store, manifest, manifest.parts[0].path)

    prn = part["prn"].to_numpy()
    offset = int(offsets(prn, start=manifest.draw.start)[0])
    assert part["image_id"][0].as_py() == "p00350"
    told = [int(prn[0]), manifest.draw.start, offset, manifest.draw.width - 1, manifest.draw.cycle]
    assert [number for number in told if str(number) not in story] == []
    assert manifest.parts[0].path.rpartition("-")[0] in story
    for number, name in ((350, "photos-2025-03-20.csv"), (331, "photos-2025-06-20.csv")):
        lines = (ROOT / "examples" / "quickstart" / name).read_text(encoding="utf-8").splitlines()
        assert lines[number].startswith("p00350,")
        assert f"ow {number} of `{name}`" in story


@pytest.mark.parametrize(
    ("heading", "printed"),
    [("### Read the quarantine", "11\turl is missing\tb'p000"), ("### Which owner is meant", "u080\n")],
)
def test_python_of_the_runbook_prints_what_it_is_for(
    heading: str, printed: str, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = re.search(r"^```python\n(.*?)^```$", section(read("runbook.md"), heading), re.MULTILINE | re.DOTALL)
    drop = next((lake / "pool" / "quickstart" / "drops").glob("*.json")).stem
    assert script

    exec(script[1].replace(SHOWN_LAKE, lake.as_uri()).replace("POOL", "quickstart").replace("DROP", drop), {})

    assert capsys.readouterr().out.startswith(printed)


def test_python_of_the_page_for_python_holds_what_it_asserts(lake: Path) -> None:
    scripts = re.findall(r"^```python\n(.*?)^```$", read("python.md"), re.MULTILINE | re.DOTALL)
    assert len(scripts) == 3
    for part in lake.glob("datasets/quickstart/snapshots/2025-04-06/data/*.parquet"):
        # The page of the command line damages one to show how that is found.
        part.write_bytes(part.read_bytes().removesuffix(b"x\n"))

    exec("\n".join(scripts).replace(SHOWN_LAKE, lake.as_uri()), {})
