"""What tests of spoilt refreshes share: one that is sound, staged once."""

import pytest
from checks.spoilt_refresh import make_staged
from spoiling import Staged


@pytest.fixture(scope="session")
def sound() -> Staged:
    """Staged and audited; spoil a copy."""
    return make_staged()
