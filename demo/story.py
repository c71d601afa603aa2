"""Tells what came of the demo, with the commands anybody would use, and checks that it is what was meant to happen."""

from __future__ import annotations

import textwrap
from collections import Counter

from demo.commands import Place, show
from demo.world import QUARTERS, VANISHING_HOST, VANISHING_SHARE, grid_date
from resift.client.snapshots import list_versions
from resift.errors import RefreshRefused
from resift.model import keys
from resift.model.verdict import Verdict
from resift.steps.pools import read_drops
from resift.steps.publish import require_pass
from resift.storage import Store

DATASET = "demo"
POOL = "demo"
VERSIONS = [grid_date(quarter) for quarter in range(QUARTERS)]


def tell(place: Place, store: Store) -> int:
    """Print the story. Return 0 if it is the one that was meant, else 1."""
    _heading("Rows that could not be read lie in quarantine, each with its number and its reason")
    _tell_quarantine(store)
    _heading("1. Clean: three cycles were published, each named by version and digest")
    problems = [] if show(place, "snapshots") == 0 else ["resift snapshots failed"]
    _heading("How the latest was drawn, and what became of every observation read for it")
    problems += [] if show(place, "show", "latest") == 0 else ["resift show failed"]
    _heading("What entered and left between the last two, and why, counted from their rows")
    problems += [] if show(place, "diff", str(VERSIONS[1]), str(VERSIONS[2])) == 0 else ["resift diff failed"]
    _heading("Every digest, count and order of the three, computed again")
    problems += [f"{day} does not verify" for day in VERSIONS[:3] if show(place, "verify", str(day)) != 0]
    gone = f"{VANISHING_SHARE:.0%} of one host's images vanished at once"
    _heading(f"2. Refused: {gone}, so the fourth cycle was not published")
    _say(
        f"The run was unattended, so nobody could be asked: it failed, and readers still get {VERSIONS[2]}. Members "
        "are the images of that version; one host may lose a quarter of its own from one version to the next."
    )
    print()
    verdict = _read_verdict(store)
    _tell_refusal(verdict)
    problems += _differs(store, verdict)
    _heading(
        "3. Held and approved: a person who knows why reads the reasons, approves this verdict, and it is published"
    )
    _say("In Airflow's web interface an attended run waits a week and asks the same. Who, when and why are published.")
    print()
    problems += _approve(place, store, verdict)
    _tell_places(place)
    for problem in problems:
        print(f"demo: {problem}. Read {place.spell(place.log)}.")
    return 1 if problems else 0


def _heading(text: str) -> None:
    print(f"\n\n{text}\n{'-' * len(text)}", flush=True)


def _say(text: str) -> None:
    print(textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False), flush=True)


def _tell_quarantine(store: Store) -> None:
    reasons: Counter[str] = Counter()
    for drop in read_drops(store, POOL):
        for file in drop.files:
            reasons.update({f"{drop.source}: {reason}": n for reason, n in file.quarantined_by_reason.items()})
    for reason, count in sorted(reasons.items()):
        print(f"{count:6,} × {reason}")


def _read_verdict(store: Store) -> Verdict | None:
    """Return the verdict that lies in the staging of the fourth cycle, which nobody has published."""
    staged = f"{keys.DATASETS}{DATASET}/staging/{VERSIONS[3]}/"
    for stat in store.list(staged):
        if stat.key.endswith("/verdict.json"):
            return Verdict.from_json(store.get(stat.key), what=stat.key)
    return None


def _tell_refusal(verdict: Verdict | None) -> None:
    if verdict is None:
        return
    try:
        require_pass(verdict)
    except RefreshRefused as refusal:
        _say(f"{type(refusal).__name__}: {refusal}")


def _approve(place: Place, store: Store, verdict: Verdict | None) -> list[str]:
    """Approve the held cycle in two steps: read, then say who and why. Return what went wrong."""
    if verdict is None:
        return []
    held = ("approve", DATASET, str(VERSIONS[3]))
    show(place, *held)
    show(place, *held, "--seal", verdict.seal[:12], "--by", "on-call", "--why", "the host closed, as it had announced")
    show(place, "snapshots")
    published = list_versions(store, DATASET)
    return [] if published == VERSIONS else [f"{VERSIONS[3]} was approved and not published"]


def _tell_places(place: Place) -> None:
    _heading("Where things lie")
    snapshot = place.lake / keys.snapshot(DATASET, VERSIONS[2])
    (quality,) = snapshot.glob("quality/*/docs/index.html")
    for what, path in (
        ("the lake", place.lake),
        ("drops as delivered", place.inbox),
        ("report of a version", place.lake / keys.snapshot(DATASET, VERSIONS[3]) / "report.html"),
        ("pages of the judge", quality),
        ("what Airflow said", place.log),
    ):
        print(f"{what:21}{place.spell(path)}")
    lake = place.spell(place.lake)
    url = f"file://{lake}" if lake.startswith("/") else f"file://$PWD/{lake}"
    print(f"\nGo on with: export RESIFT_LAKE={url}; .venv/bin/resift --help")


def _differs(store: Store, verdict: Verdict | None) -> list[str]:
    """Return in what the outcome differs from what was meant to happen."""
    problems = []
    published = list_versions(store, DATASET)
    if published != VERSIONS[:3]:
        problems.append(f"published are {', '.join(map(str, published)) or 'none'}, expected the first three cycles")
    if verdict is None:
        problems.append(f"{VERSIONS[3]} was not judged, expected a verdict that holds it")
    elif verdict.status != "hold" or [one.about for one in verdict.failures()] != [f"host {VANISHING_HOST}"]:
        found = "; ".join(one.message() for one in verdict.failures())
        expected = f"hold for {VANISHING_HOST} alone"
        problems.append(f"{VERSIONS[3]} was judged {verdict.status} ({found}), expected {expected}")
    return problems
