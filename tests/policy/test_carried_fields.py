"""Time zone, locale and free text are read where a pool carries them, may only exclude, and cost nothing elsewhere."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows

from resift.errors import ConfigError
from resift.policy import JUDGED, judge, load_policy
from resift.policy.load import FOLDER, read_policy
from resift.storage import MemoryStore

DAY = date(2026, 11, 23)
ZONE = pa.schema([("time_zone", pa.string())])


def test_weak_field_that_is_not_carried_is_not_among_what_fields_say():
    judged = judge(pa.table({name: ["US"] for name in JUDGED.names}), load_policy("eu"), days=(DAY,))

    assert not {"time_zone", "locale", "place_text"} & set(judged.says)


@pytest.mark.parametrize(
    ("zone", "says"),
    [("Europe/Berlin", "inside.time_zone"), ("Asia/Tokyo", ""), ("CET", ""), ("?!", ""), (None, "")],
)
def test_weak_field_excludes_and_is_passed_over_where_it_cannot_be_read(zone, says):
    table = pa.Table.from_pylist([{"owner_country": "US", "time_zone": zone}], schema=pa.schema([*JUDGED, *ZONE]))

    assert judge(table, load_policy("eu"), days=(DAY,)).all_reasons().tolist() == [says]


def test_refresh_reads_a_weak_field_that_the_pool_carries_and_does_not_publish_it():
    store, zones = MemoryStore(), ["America/Chicago", "Europe/Paris", None]
    rows = [observation(f"i{n}", cycle(0), time_zone=zones[n % 3]) for n in range(60)]
    make_pool(store, rows, carried={"time_zone": "string"})
    make_pool(store, [observation(f"j{n}", cycle(0)) for n in range(20)])

    manifest = publish_unjudged(store, make_dataset(size=100), cycle(0))

    assert manifest.funnel.removed == {"excluded.inside.time_zone": 20}
    assert {row["image_id"] for row in snapshot_rows(store, manifest)} == {
        *(f"i{n}" for n in range(60) if n % 3 != 1),
        *(f"j{n}" for n in range(20)),
    }


def test_weak_field_without_its_column_is_refused(tmp_path):
    text = (FOLDER / "eu.yaml").read_text(encoding="utf-8")
    path = tmp_path / "eu.yaml"
    path.write_text(text.replace("carried: {time_zone: time_zone, ", "carried: {"), encoding="utf-8")

    with pytest.raises(ConfigError, match="carried: a column for each of time_zone, locale, place_text; found locale"):
        read_policy(path)
