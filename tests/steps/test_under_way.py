"""Refreshes under way are found in every dataset, without listing what they staged."""

from builders import cycle

from resift.model.keys import Staging
from resift.steps.under_way import all_under_way, under_way
from resift.storage import LocalStore


def test_every_refresh_under_way_is_found_once(tmp_path):
    store = LocalStore(tmp_path)
    begun = [Staging("birds", cycle(1), "b"), Staging("faces", cycle(0), "a"), Staging("faces", cycle(0), "b")]
    for staging in begun:
        for number in range(3):
            store.put(staging.part(number), b"")
    store.put("datasets/faces/staging/notes/todo.txt", b"put there by somebody")
    (tmp_path / Staging("faces", cycle(2), "emptied").prefix).mkdir(parents=True)

    assert [staging.prefix for staging in all_under_way(store)] == [staging.prefix for staging in begun]
    assert [staging.plan_id for staging in under_way(store, "faces", cycle(0))] == ["a", "b"]
    assert list(under_way(store, "faces", cycle(3))) == []
