"""A held refresh and a person's answer, given through the REST API of Airflow as its page *Required Actions* does."""

from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagrun import DagRun
from airflow.sdk.definitions.dag import _run_task
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
from builders import make_dataset, make_pool, observation, publish_unjudged
from fastapi.testclient import TestClient

from resift.client.snapshots import find_manifest
from resift.model.manifest import Manifest
from resift.storage import open_store

DAG = "refresh_snapshot_tiles"
CYCLE = date(2025, 1, 6)
HELD = CYCLE + timedelta(days=30)
WHY = "The host closed: its operator says so."


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lake of its own, where a quarter of what the first version was drawn from is deleted at the next cycle."""
    store = open_store(tmp_path.as_uri())
    make_pool(store, [observation(f"t{number}", CYCLE - timedelta(days=3)) for number in range(400)], pool="tiles")
    publish_unjudged(store, make_dataset(name="tiles", pool="tiles", every=timedelta(days=30), size=200), CYCLE)
    gone = [observation(f"t{number}", HELD - timedelta(days=1), state="deleted") for number in range(100)]
    make_pool(store, gone, pool="tiles")
    monkeypatch.setenv("RESIFT_LAKE", tmp_path.as_uri())
    return tmp_path.as_uri()


@pytest.fixture(scope="module")
def api(airflow_db: None, dag_bag: DagBag) -> TestClient:
    """The REST API of Airflow in this process, and a person who is signed in to it."""
    from airflow.api_fastapi.app import create_app

    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)
    sync_bag_to_db(dag_bag, "resift", None)
    client = TestClient(create_app(apps="core"))
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.fixture
def held(lake: str, api: TestClient, dag_bag: DagBag) -> "HeldRun":
    """A run a person triggered, as far as it goes without an answer."""
    run = HeldRun(api, dag_bag.dags[DAG])
    run.go_on()
    return run


class HeldRun:
    """One run that a person triggered, moved on until it ends or waits for an answer.

    ``DAG.test`` would not do: it names itself as the user, so the gate would not ask, and it sleeps until another
    process answers. Its loop is repeated here, on the same function that runs a task in this process.
    """

    def __init__(self, api: TestClient, dag) -> None:
        self.api, self.dag = api, dag
        self.url = f"/api/v2/dags/{DAG}/dagRuns"
        asked = {"logical_date": None, "dag_run_id": f"held-{uuid4()}", "conf": {"as_of": str(HELD)}}
        response = api.post(self.url, json=asked)
        assert response.status_code == 200, response.text
        self.run_id = response.json()["dag_run_id"]
        self.errors: dict[str, BaseException] = {}

    def go_on(self) -> None:
        """Run whatever may run, until the run has ended or waits."""
        with create_session() as session:
            run = session.query(DagRun).filter(DagRun.dag_id == DAG, DagRun.run_id == self.run_id).one()
            run.dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(self.dag))
            run.set_state("running")
            before: list = []
            while run.state == "running":
                states, due = self._sort(run, session)
                if not due and states == before:
                    return
                before = states
                for instance in due:
                    result = _run_task(ti=instance, task=self.dag.task_dict[instance.task_id])
                    if result is not None and result.error is not None:
                        self.errors[instance.task_id] = result.error

    def _sort(self, run: DagRun, session) -> tuple[list, list]:
        """Return the states of all tasks, and the tasks whose turn it is."""
        session.expire_all()
        fresh, _ = run.update_state(session=session)
        for instance in fresh:
            instance.try_number += 1
            instance.state = "scheduled"
        session.commit()
        instances = run.get_task_instances(session=session)
        states = sorted((each.task_id, each.map_index, str(each.state)) for each in instances)
        return states, [each for each in instances if each.state == "scheduled"]

    def states(self, *tasks: str) -> list[str]:
        """The state of the run, and those of the tasks named."""
        found = self.api.get(f"{self.url}/{self.run_id}/taskInstances").json()["task_instances"]
        states = {each["task_id"]: each["state"] for each in found}
        return [self.api.get(f"{self.url}/{self.run_id}").json()["state"], *(states[task] for task in tasks)]

    def question(self) -> dict:
        return self.api.get(f"{self.url}/{self.run_id}/taskInstances/approve/-1/hitlDetails").json()

    def answer(self, option: str, **fields: str) -> None:
        """Answer as the page does, and let the run go on."""
        response = self.api.patch(
            f"{self.url}/{self.run_id}/taskInstances/approve/-1/hitlDetails",
            json={"chosen_options": [option], "params_input": fields},
        )
        assert response.status_code == 200, response.text
        self.go_on()


def published(lake: str) -> Manifest | None:
    return find_manifest(open_store(lake), "tiles", HELD)


def test_held_run_waits_for_a_person_and_shows_why(held: HeldRun, lake: str) -> None:
    question = held.question()

    assert held.states("judge", "approve", "publish") == ["running", "success", "awaiting_input", None]
    assert question["options"] == ["Approve", "Reject"]
    assert "tiles 2025-02-05** is held" in question["body"]
    assert published(lake) is None


def test_approved_run_publishes_and_the_manifest_says_who_and_why(held: HeldRun, lake: str) -> None:
    held.answer("Approve", why=WHY)

    manifest = published(lake)
    assert held.states("approve", "publish") == ["success", "success", "success"]
    assert manifest.approval.why == WHY
    assert manifest.approval.by == held.question()["responded_by_user"]["name"]
    assert manifest.approval.verdict_seal[:12] in held.question()["body"]


def test_rejected_run_fails_and_publishes_nothing(held: HeldRun, lake: str) -> None:
    held.answer("Reject", why=WHY)

    assert held.states("approve", "publish") == ["failed", "failed", "upstream_failed"]
    assert published(lake) is None


def test_approval_without_a_reason_fails_and_publishes_nothing(held: HeldRun, lake: str) -> None:
    held.answer("Approve", why=" ")

    assert held.states("approve", "publish") == ["failed", "success", "failed"]
    assert "approval of tiles 2025-02-05: --why has 0 characters, expected 1 to 1000." in str(held.errors["publish"])
    assert published(lake) is None
