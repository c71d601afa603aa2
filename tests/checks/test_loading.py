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
