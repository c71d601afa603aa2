"""What the sift stages beside a part, for the audit."""

from __future__ import annotations

import pytest
from builders import cycle, draw, instant, make_dataset, make_pool, observation

from resift.model.observation import STAGED_EVIDENCE
from resift.steps.staged import read_staged
from resift.storage import MemoryStore

BEFORE, AFTER = instant(cycle(0), hours=-24), instant(cycle(0), hours=24)
DATASET = make_dataset(size=3)


def evidence(*observations):
    store = MemoryStore()
    make_pool(store, list(observations))
    cut = draw(store, DATASET, cycle(0))
    (part,), (staged,) = cut.staged_parts, cut.staged_evidence
    rows = read_staged(store, staged.key)
    assert rows.schema.equals(STAGED_EVIDENCE)
    return dict(zip(read_staged(store, part.key)["image_id"].to_pylist(), rows.to_pylist(), strict=True))


def newest(row):
    return {name: value for name, value in row.items() if name.startswith("newest_") and value is not None}


def test_newest_evidence_is_staged_where_it_is_of_another_observation():
    found = evidence(
        observation("same", BEFORE),
        observation("moved", BEFORE, lat="1.5", lon="2.5"),
        observation("moved", AFTER, owner_country="JP", owner_id="heir", url="https://OTHER.example/a.jpg"),
    )

    assert (found["same"]["is_newest"], newest(found["same"])) == (True, {})
    assert found["moved"]["is_newest"] is False
    assert newest(found["moved"]) == {
        "newest_state": "public",
        "newest_host": "other.example",
        "newest_owner_id": "heir",
        "newest_owner_country": "JP",
    }
    assert {found["moved"][name] for name in ("state", "host", "owner_country", "lat")} == {
        "public",
        "host.example",
        "US",
        "1.5",
    }


@pytest.mark.parametrize("later", [{"state": "deleted"}, {"state": "private"}, {"owner_country": "FR"}])
def test_item_the_newest_observation_takes_out_is_not_staged(later):
    assert set(
        evidence(observation("kept", BEFORE), observation("gone", BEFORE), observation("gone", AFTER, **later))
    ) == {"kept"}
