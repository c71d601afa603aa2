"""A manifest that leads outside its snapshot, or counts what cannot be counted, is refused before it is followed."""

from __future__ import annotations

import contextlib
import json

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged
from hypothesis import given, settings
from hypothesis import strategies as st

from resift.client import sound
from resift.client.snapshots import find_manifest
from resift.client.sound import require_sound
from resift.errors import FormatNotKnown, SnapshotDamaged
from resift.model import keys
from resift.storage import MemoryStore
from resift.storage.key import check_key


def publish_one():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(60)])
    publish_unjudged(store, make_dataset(size=20), cycle(0))
    return store


STORE = publish_one()
BODY = json.loads(STORE.get(keys.manifest("sample", cycle(0))))


def found(**changes):
    """What reading a manifest says after these changes of its JSON."""
    store, body = MemoryStore(), json.loads(json.dumps(BODY))
    for place, value in changes.items():
        *steps, last = place.split("__")
        inner = body
        for step in steps:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        inner[last] = value
    store.put(keys.manifest("sample", cycle(0)), json.dumps(body).encode())
    return find_manifest(store, "sample", cycle(0))


def test_manifest_as_published_is_sound():
    assert found().rows == 20


PATHS = [
    "../../../outside",
    "/etc/passwd",
    "data/../../x",
    "data//x",
    "",
    "manifest.json",
    "MANIFEST.json",
    "tombstone.json",
    "readme.md",
    "croissant.json",
    "revisions/0.json",
    ".hidden",
    "data/.hidden",
    "C:\\x",
    "data/\x00",
    "data/" + "x" * 300,
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("place", ["parts", "extras"])
def test_path_that_leads_elsewhere_is_refused(place, path):
    with pytest.raises(SnapshotDamaged, match=r"its manifest lists .*Do not use it"):
        found(**{f"{place}__0__path": path})


@pytest.mark.parametrize("file", ["parts__0", "extras__0"])
@pytest.mark.parametrize(
    ("field", "value"), [("size_bytes", -1), ("size_bytes", 2**63), ("sha256", "0"), ("sha256", "z" * 64)]
)
def test_size_or_digest_that_cannot_be_is_refused(file, field, value):
    with pytest.raises(SnapshotDamaged, match=r"expected 0 or more|expected 64 hexadecimal digits"):
        found(**{f"{file}__{field}": value})


@pytest.mark.parametrize(
    "change",
    [
        {"rows": -1},
        {"rows": 2**80},
        {"revision": -1},
        {"parts__0__rows": 2**63},
        {"parts__0__first_prn": -1},
        {"draw__width": 2**64},
        {"draw__start": -5},
        {"content_digest": "0"},
    ],
)
def test_count_that_cannot_be_is_refused(change):
    with pytest.raises(SnapshotDamaged, match="No publisher writes that"):
        found(**change)


def test_file_listed_twice_is_refused_also_where_only_case_differs():
    second = {**BODY["extras"][0], "path": BODY["extras"][0]["path"].upper()}

    with pytest.raises(SnapshotDamaged, match="lists a file twice"):
        found(extras=[BODY["extras"][0], second])


class Endless(MemoryStore):
    """A server that answers any read with as much as was asked for."""

    def get_range(self, key, *, start, length):
        return b" " * length


def test_manifest_without_end_is_not_read_to_its_end():
    with pytest.raises(SnapshotDamaged, match=rf"is longer than {sound.MOST_BYTES} bytes, expected a manifest"):
        find_manifest(Endless(), "sample", cycle(0))


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_whatever_path_a_sound_manifest_lists_stays_inside(path):
    manifest = find_manifest(STORE, "sample", cycle(0))
    one = manifest.extras[0].model_copy(update={"path": path})
    try:
        require_sound(manifest.model_copy(update={"extras": (one,)}))
    except SnapshotDamaged:
        return
    check_key(path)
    assert not path.startswith(("/", ".", "revisions/"))
    assert ".." not in path.split("/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(BODY)), JSON)
@settings(max_examples=150)
def test_any_value_in_any_place_is_read_or_refused_in_words(key, value):
    with contextlib.suppress(SnapshotDamaged, FormatNotKnown):
        assert found(**{key: value}) is not None
