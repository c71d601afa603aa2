"""A store behaves as a dictionary does, whatever is done to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resift.errors import KeyExists, KeyNotFound, WriteConflict
from resift.storage import Store

KEYS = st.builds(
    lambda directories, name: "/".join([*directories, name]),
    st.lists(st.sampled_from(["a", "a.b", "ü", "a b"]), max_size=2),
    st.sampled_from(["x", "x-1", "日本", "😀.json"]),
)
BODIES = st.sampled_from([b"", b"1", b"2", b"x" * 70_000])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, BODIES),
        st.tuples(st.just("create"), KEYS, BODIES),
        st.tuples(st.just("swap"), KEYS, BODIES),
        st.tuples(st.just("swap late"), KEYS, BODIES),
        st.tuples(st.just("copy"), KEYS, KEYS),
        st.tuples(st.just("delete"), KEYS, st.none()),
    ),
    max_size=20,
)


@given(steps=STEPS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_store_agrees_with_a_dictionary(new_store: Callable[[], Store], steps: list[tuple[str, str, object]]) -> None:
    store, model = new_store(), {}

    for verb, key, value in steps:
        take(store, model, verb, key, value)

    assert [(found.key, found.size_bytes) for found in store.list("")] == [
        (key, len(model[key])) for key in sorted(model, key=str.encode)
    ]
    assert {key: store.get(key) for key in model} == model
    assert [found.key for found in store.list("a")] == sorted(key for key in model if key.startswith("a"))
    # A folder that was emptied may still be named.
    assert {key.partition("/")[0] for key in model if "/" in key} <= set(store.folders(""))


def take(store: Store, model: dict[str, bytes], verb: str, key: str, value: object) -> None:
    """Do one step to both and require the same outcome."""
    if verb == "put":
        store.put(key, value)
        model[key] = value
    elif verb == "create":
        if model.get(key, value) == value:
            store.create(key, value)
            model[key] = value
        else:
            with pytest.raises(KeyExists):
                store.create(key, value)
    elif verb.startswith("swap"):
        found = store.stat(key)
        assert (found is not None) == (key in model)
        if found is not None and verb == "swap":
            store.swap(key, value, etag=found.etag)
            model[key] = value
        else:
            with pytest.raises(WriteConflict):
                store.swap(key, value, etag='"another"')
    elif verb == "copy":
        if key in model:
            store.copy(key, value)
            model[value] = model[key]
        else:
            with pytest.raises(KeyNotFound):
                store.copy(key, value)
    else:
        store.delete(key)
        model.pop(key, None)
