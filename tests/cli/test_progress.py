"""A person at a terminal sees which step of a refresh is under way; a pipe gets nothing of it."""

import sys

import pytest
from builders import cycle

from resift.cli.refresh import _progress


@pytest.mark.parametrize(("terminal", "shown"), [(True, f"{cycle(0)}: sift …\n"), (False, "")])
def test_steps_are_shown_at_a_terminal_alone(monkeypatch, capsys, terminal, shown):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)

    _progress(cycle(0))("sift")

    assert capsys.readouterr() == ("", shown)
