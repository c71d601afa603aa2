"""Loading what judges leaves the garbage collector as it was."""

import gc

import pytest

from resift.checks import loading


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize("broken", [True, False])
def test_collector_is_left_as_it_was(monkeypatch, collecting, broken):
    def load(name):
        assert not gc.isenabled()
        if broken:
            raise ImportError(name)

    monkeypatch.setattr(loading, "import_module", load)
    monkeypatch.setattr(loading, "_DOOR", "not imported yet")
    monkeypatch.setattr(gc, "freeze", lambda: None)  # or all the suite holds by now would stay
    was = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        if broken:
            with pytest.raises(ImportError):
                loading.load_judge()
        else:
            loading.load_judge()
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was else gc.disable)()


def test_what_is_loaded_is_not_loaded_again(monkeypatch):
    monkeypatch.setattr(loading, "_DOOR", "resift.checks.loading")
    monkeypatch.setattr(loading, "import_module", lambda name: pytest.fail(f"imported {name} again"))

    loading.load_judge()
