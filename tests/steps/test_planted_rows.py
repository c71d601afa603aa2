"""A row with EU evidence that got past the sift, whatever its kind, stops the judge, and nothing is published."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from builders import NOW, SALT, cycle, instant, make_dataset, make_pool, observation

from resift.client.snapshots import find_manifest
from resift.core.prn import permanent_random_numbers
from resift.errors import RefreshRefused
from resift.model.keys import Staging
from resift.model.observation import EVIDENCE, PRN, STAGED_EVIDENCE
from resift.model.refresh import Plan
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.framing import published_schema
from resift.steps.judge import judge
from resift.steps.plan import plan, read_plan
from resift.steps.publish import publish
from resift.steps.sift import read_receipt, sift
from resift.steps.staged import StagedWriter, read_staged
from resift.storage import MemoryStore

ITEM = min((f"eu-{n}" for n in range(100)), key=lambda name: permanent_random_numbers(pa.array([name]), salt=SALT)[0])
"""One that comes early, so that it lies in the first range whatever else is drawn."""

KINDS: dict[str, dict[str, str]] = {
    "code": {"owner_country": "FR"},
    "alias": {"owner_country": "EL"},
    "name": {"upload_country": "Alemania"},
    "coordinates": {"lat": "47.697", "lon": "8.689"},
    "one coordinate": {"lat": "35.6812"},
    "domain and more": {"url": "https://img.example.fr;a=1/a.jpg"},
    "top-level domain": {"url": "https://img.example.fr/a.jpg"},
    "subdivision": {"subdivision": "FR-974"},
}


def staged_with(store: MemoryStore, evidence: dict[str, str], dataset: Any) -> dict[str, Any]:
    """Refresh, with the item put into its part behind the sift's back, up to the audit."""
    seen = instant(cycle(0), hours=-24)
    row = observation(ITEM, seen, **evidence)
    make_pool(store, [*(observation(f"item-{n}", seen) for n in range(300)), row])
    receipt = plan(store, dataset=dataset, as_of=cycle(0), known_at=NOW)
    names = {"dataset": receipt.dataset, "version": receipt.version, "plan_id": receipt.plan_id}
    for group in range(receipt.groups):
        sift(store, **names, group=group)
    plant(store, Staging(receipt.dataset, receipt.version, receipt.plan_id), row)
    cut(store, **names)
    for group in range(receipt.groups):
        audit(store, **names, group=group)
    return names


def plant(store: MemoryStore, staging: Staging, row: dict[str, Any]) -> None:
    """Add an item to the part and the evidence of the first range, and to what its receipt says of them."""
    frozen = read_plan(store, staging)
    receipt = read_receipt(store, staging, frozen.ranges[0])
    assert receipt is not None
    assert receipt.part is not None
    assert receipt.evidence is not None
    prn = int(permanent_random_numbers(pa.array([ITEM]), salt=SALT)[0])
    host = row["url"].split("/")[2]
    evidence = {
        **row,
        PRN: prn,
        "is_newest": False,
        "newest_state": "public",
        "host": host,
        "newest_host": host,
        "change": "born",
    }
    evidence |= {f"newest_{name}": row.get(name) for name in EVIDENCE.names}
    ((reason, _),) = [one for one in receipt.removed.items() if one[0].startswith("excluded.")]
    changed = {
        "kept": receipt.kept + 1,
        "removed": {word: count for word, count in receipt.removed.items() if word != reason},
        "first_prn": min(prn, receipt.first_prn or prn),
        "part": rewrite(store, receipt.part.key, published_schema(frozen), {**row, PRN: prn}, frozen),
        "evidence": rewrite(store, receipt.evidence.key, STAGED_EVIDENCE, evidence, frozen),
    }
    store.put(staging.receipt(0), receipt.model_copy(update=changed).to_json())


def rewrite(store: MemoryStore, key: str, schema: pa.Schema, row: dict[str, Any], frozen: Plan) -> Any:
    assert frozen.start == 0
    planted = pa.Table.from_pylist([{name: row.get(name) for name in schema.names}], schema=schema)
    with StagedWriter(store, key, schema) as writer:
        writer.write(pa.concat_tables([read_staged(store, key).cast(schema), planted]).sort_by(PRN))
    return writer.file


@pytest.mark.parametrize("evidence", KINDS.values(), ids=KINDS.keys())
def test_single_planted_row_with_eu_evidence_stops_the_judge_and_is_not_published(evidence):
    store, dataset = MemoryStore(), make_dataset(size=200, part_rows=100)
    names = staged_with(store, evidence, dataset)

    verdict = judge(store, **names)

    assert verdict.status == "stop"
    (finding,) = verdict.failures()
    assert "excluded" in finding.message()
    with pytest.raises(RefreshRefused, match="not published"):
        publish(store, **names, verdict=verdict)
    assert find_manifest(store, "sample", cycle(0)) is None
