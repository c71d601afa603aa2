"""Runs the commands of the demo: those of Airflow, whose log goes to a file, and those of resift, which are shown."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything the demo makes lies."""

    folder: Path

    def spell(self, path: Path) -> str:
        """Return a path as a person in the project's folder writes it."""
        return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)

    @property
    def deliveries(self) -> Path:
        """Drops that have not arrived yet, by quarter."""
        return self.folder / "deliveries"

    @property
    def inbox(self) -> Path:
        """Where drops arrive: ``SOURCE/DROP/``."""
        return self.folder / "inbox"

    @property
    def datasets(self) -> Path:
        """The dataset file that is run."""
        return self.folder / "datasets"

    @property
    def lake(self) -> Path:
        """The lake."""
        return self.folder / "lake"

    @property
    def log(self) -> Path:
        """What Airflow says."""
        return self.folder / "airflow.log"

    def environment(self) -> dict[str, str]:
        """Return the environment of every command: an Airflow of the demo's own, and the demo's folders."""
        # Without cached bytecode every command compiles two thousand modules of Airflow again: 4 s each time.
        ours = ("AIRFLOW", "RESIFT_", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {
            **inherited,
            "PATH": f"{BIN}{os.pathsep}{inherited.get('PATH', '')}",
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "RESIFT_LAKE": self.lake.as_uri(),
            "RESIFT_DATASETS": str(self.datasets),
            "RESIFT_SOURCES": str(ROOT / "demo" / "sources"),
            "RESIFT_INBOX": str(self.inbox),
        }


def migrate(place: Place) -> None:
    """Make Airflow's database: SQLite, in the demo's folder."""
    if _airflow(place, "db", "migrate") != 0:
        raise SystemExit(f"demo: airflow db migrate failed, expected a database. Read {place.log}.")


def run_dag(place: Place, dag: str, logical_date: date) -> bool:
    """Run one DAG to its end in the way anybody can, and return whether it succeeded."""
    return _airflow(place, "dags", "test", dag, str(logical_date)) == 0


def _airflow(place: Place, *arguments: str) -> int:
    with place.log.open("a", encoding="utf-8") as log:
        log.write(f"$ airflow {' '.join(arguments)}\n")
        log.flush()
        command, environment = [str(BIN / "airflow"), *arguments], place.environment()
        return subprocess.run(command, env=environment, cwd=ROOT, stdout=log, stderr=log, check=False).returncode


def show(place: Place, *arguments: str) -> int:
    """Run a command of resift, print it with its answer, and return its exit code."""
    command = [str(BIN / "resift"), *arguments]
    ran = subprocess.run(command, env=place.environment(), cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"$ {shlex.join(['resift', *arguments])}")
    # A table pads its last column.
    print("\n".join(line.rstrip() for line in f"{ran.stdout}{ran.stderr}".splitlines()), flush=True)
    return ran.returncode
