"""The layout of the package: which part may import which, and how long a module may be."""

from __future__ import annotations

import ast
import inspect
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import resift
from resift import errors

PACKAGE = Path(resift.__file__).parent
PROJECT = PACKAGE.parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300

MAY_IMPORT = {
    "errors": set(),
    "model": {"errors"},
    "storage": {"errors", "model"},
    "core": {"errors", "model"},
    "policy": {"errors", "model", "core"},
    "checks": {"errors", "model", "core", "policy"},
    "report": {"errors", "model"},
    "client": {"errors", "model", "core", "storage"},
    "steps": {"errors", "model", "core", "policy", "checks", "report", "storage", "client"},
    "cli": {"errors", "model", "core", "storage", "client", "steps"},
}
"""Packages each package may import besides itself."""

ONLY_IN = {
    "great_expectations": {"checks/gx.py"},
    "boto3": {"storage/s3_transfer.py"},
    "botocore": {
        "storage/s3.py",
        "storage/s3_connect.py",
        "storage/s3_errors.py",
        "storage/s3_file.py",
        "storage/s3_probe.py",
        "storage/s3_stream.py",
    },
    "duckdb": {"core/measure.py", "core/refused.py", "core/scan.py", "steps/audit.py"},
    "msgspec": {"steps/reading/jsoncolumns.py"},
    "airflow": set(),
    "typer": {file.relative_to(PACKAGE).as_posix() for file in (PACKAGE / "cli").glob("*.py")},
}
"""Modules that alone may import a library."""


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports_of(file: Path) -> set[str]:
    """Packages of resift that a file imports."""
    names = {name.split(".")[1] for name in imports_of(file) if name.startswith("resift.")}
    return {name for name in names if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_module_imports_only_what_the_arrows_allow(module):
    package = name_of(module).split("/")[0].removesuffix(".py")
    if package == "__init__":
        # Only inside `open`: a test below holds that the import itself stays light.
        assert own_imports_of(module) == {"client"}
        return

    assert own_imports_of(module) - {package} <= MAY_IMPORT[package]


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_is_imported_only_where_it_belongs(library):
    users = {name_of(module) for module in MODULES if library in {name.split(".")[0] for name in imports_of(module)}}

    assert users <= ONLY_IN[library]


@pytest.mark.parametrize("file", sorted((PROJECT / "dags").glob("*.py")), ids=lambda file: file.name)
def test_dag_imports_of_resift_only_steps_and_what_is_light(file):
    assert own_imports_of(file) <= {"steps", "model", "errors"}


@pytest.mark.parametrize("heavy", ["pandas", "pyarrow", "boto3", "numpy", "pydantic"])
@pytest.mark.parametrize("use", ["import resift", "import resift.cli.main"])
def test_import_and_command_line_load_nothing_heavy(use, heavy):
    assert heavy not in loaded_by(use)


@cache
def loaded_by(use: str) -> set[str]:
    script = f"import sys\n{use}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_help_takes_less_than_half_a_second_of_computing():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([Path(sys.executable).with_name("resift"), "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_core_opens_no_file_asks_no_clock_and_no_store():
    for module in (PACKAGE / "core").rglob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Attribute)}
        called = {node.id for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"now", "utcnow", "today", "environ"}, name_of(module)
        assert "open" not in called, name_of(module)


@pytest.mark.parametrize("folder", ["include", "dags", "plugins"])
def test_no_module_is_longer_than_the_style_allows(folder):
    lines = {str(file): len(file.read_text().splitlines()) for file in (PROJECT / folder).rglob("*.py")}

    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_every_module_says_in_its_first_line_what_it_does():
    assert [name_of(m) for m in MODULES if not ast.get_docstring(ast.parse(m.read_text()))] == []


ERRORS = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}


def test_every_error_stands_in_the_tree_of_the_docstring_under_its_parent():
    drawn = re.findall(r"^ {4}([ │]*)(?:[├└]── )?([A-Z]\w+)(?: \((\w+)\))?", errors.__doc__, re.MULTILINE)
    parents, path = {}, []
    for indent, name, builtin in drawn:
        depth = 0 if name == "ResiftError" else len(indent) // 4 + 1
        path[depth:] = [name]
        parents[name] = ({path[depth - 1]} if depth else set()) | ({builtin} if builtin else set())

    bases = {name: {base.__name__ for base in error.__bases__} - {"Exception"} for name, error in ERRORS.items()}
    assert parents == bases


@pytest.mark.parametrize("name", sorted(set(ERRORS) - {"ResiftError"}))
def test_every_error_is_raised_somewhere(name):
    others = [module for module in MODULES if module.name != "errors.py"]

    assert any(re.search(rf"\b{name}\(", module.read_text()) for module in others)


def test_what_reads_no_rows_loads_no_arrow():
    """Loading it takes longer than most answers do."""
    modules = "resift.cli.pull, resift.cli.pins, resift.cli.render_copy, resift.client.pull, resift.client.pins"
    program = f"import sys, {modules}; print({{'numpy', 'pandas', 'pyarrow'}} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"
