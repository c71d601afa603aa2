"""Show dataset files that cannot be scheduled as an import error of Airflow.

Airflow keeps one import error for each file of this folder and drops all DAGs of the file with it. So the DAGs of the
readable dataset files are made in `refresh_snapshot.py`, which passes over the broken ones, and the broken ones are
reported here, where there is no DAG to lose.
"""

from resift.errors import ConfigError
from resift.steps.schedule import dataset_folder, read_schedules

if broken := read_schedules(dataset_folder(__file__)).broken:
    raise ConfigError("\n".join(broken))
