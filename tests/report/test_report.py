"""The page of a snapshot opens anywhere, is equal for equal input, and names nobody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from builders import cycle, instant, make_dataset, make_pool, observation, publish_unjudged

from resift.model import keys
from resift.model.approval import Approval
from resift.model.manifest import Manifest
from resift.model.mixes import Mixes
from resift.model.reasons import ENTERED_CAUSES, FRAME_REASONS, LEFT_CAUSES, spell
from resift.model.verdict import Finding, Verdict
from resift.report.charts import Arc, Bar, bars, circle, histogram, in_lines, shortened
from resift.report.page import report
from resift.storage import MemoryStore

STRANGE = '<script>alert("&")</script>.example'
MIXES = Mixes(
    country={"US": 600, "none": 100, "other": 300},
    host={STRANGE: 700, "b.example": 300},
    license={"cc0": 1000},
    age_days={"0": 400, "10": 600},
    nulls={"image_id": 0},
)
FINDINGS = (
    Finding(rule="ids are unique", status="pass", found="holds 2 times out of 2", expected="distinct_ids = rows"),
    Finding(rule="ages drift little", status="warn", found="31.0%", expected="age_drift_warn at most 25.0%"),
)


@pytest.fixture(scope="module")
def published() -> tuple[MemoryStore, Manifest]:
    store, dataset = MemoryStore(), make_dataset(size=60)
    for k in range(2):
        rows = [
            observation(f"item-{n}", instant(cycle(k)), owner_id=f"secret-owner-{n}", owner_country="US")
            for n in range(20 * k, 100)
        ]
        make_pool(store, rows)
        manifest = publish_unjudged(store, dataset, cycle(k))
    return store, manifest


def verdict(manifest: Manifest, *findings: Finding, mixes: Mixes | None = MIXES) -> Verdict:
    return Verdict.sealed(
        dataset=manifest.dataset,
        version=manifest.version,
        plan_id=manifest.plan_id,
        content_digest=manifest.content_digest,
        status="proceed",
        findings=findings or FINDINGS,
        evaluated=2,
        mixes=mixes,
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.references: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "xlink:href", "action", "poster") or name.startswith("on"):
                self.references.append(value)
            if name == "id":
                self.ids.append(value)


def read(page: bytes) -> Tags:
    tags = Tags()
    tags.feed(page.decode())
    return tags


@pytest.fixture(scope="module")
def page(published) -> str:
    _, manifest = published
    return report(manifest, verdict(manifest), previous=MIXES).page.decode()


def test_page_loads_nothing_and_runs_nothing(page):
    tags = read(page.encode())

    assert tags.references == []
    assert not tags.names & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not re.search(r"//[\w.-]+\.\w|@import|url\(|javascript:", page)
    assert "default-src 'none'" in page


def test_every_picture_is_described_and_shown_as_a_table_too(page):
    tags = read(page.encode())

    assert len(tags.ids) == len(set(tags.ids))
    assert page.count('role="img"') == page.count("<desc ") == page.count("The same as a table") == 7


def test_words_of_others_are_shown_as_words(page):
    assert STRANGE not in page
    assert "&lt;script&gt;" in page


def test_verdict_stands_on_top_with_what_is_to_be_looked_at(page):
    assert page.index("Passed, with something to look at") < page.index("From what was read to the snapshot")
    assert "ages drift little: found 31.0%, expected age_drift_warn at most 25.0%." in page


def test_value_says_on_a_telephone_which_column_it_is_of(page):
    wide = "".join(re.findall(r'<div class="wide">.*?</table>', page, flags=re.S))

    assert "<td data-label=" in wide
    assert "<td>" not in wide


FULL = "not drawn: eligible, but the sample was full"


@pytest.mark.parametrize(
    ("label", "value", "drawn"),
    [(FULL, "−63", FULL), (FULL, "−123,456,789", "not drawn: eligib…e sample was full"), ("a" * 48, "1%", None)],
)
def test_label_is_shortened_only_where_its_value_stands(label, value, drawn):
    found = shortened(label, beside=value)

    assert len(found) * 7.5 + len(value) * 9 <= 380
    assert found == drawn if drawn else "…" in found


@pytest.mark.parametrize(
    ("label", "value", "drawn"),
    [
        (FULL, "−63", [FULL]),
        (FULL, "−123,456,789", ["not drawn: eligible, but the sample", "was full"]),
        ("rotated: eligible, but outside the PRNs covered now", "−4,826", None),
        ("img3.photos.example", "1%", ["img3.photos.example"]),
    ],
)
def test_label_too_long_for_a_line_goes_on_in_the_next(label, value, drawn):
    found = in_lines(label, beside=value)

    assert " ".join(found) == label
    assert len(found[0]) * 7.5 + len(value) * 9 <= 380
    assert drawn is None or found == drawn


def test_no_label_of_a_cause_or_reason_is_cut():
    for word in (*ENTERED_CAUSES, *LEFT_CAUSES, *FRAME_REASONS):
        assert " ".join(in_lines(spell(word), beside="−123,456,789")) == spell(word)


def test_picture_is_as_high_as_its_lines():
    one, two = (bars("b", "t", "d", [Bar(label, 1, "1")]) for label in ("short", "word " * 12))

    heights = [int(re.search(r'viewBox="-2 0 384 (\d+)"', svg).group(1)) for svg in (one, two)]
    assert heights[1] == heights[0] + 18


def test_equal_input_gives_equal_bytes(published):
    _, manifest = published
    again = Manifest.from_json(manifest.to_json(), what="manifest")
    sealed = verdict(manifest)

    first = report(manifest, sealed, previous=MIXES)
    second = report(again, Verdict.from_json(sealed.to_json(), what="verdict"), previous=MIXES)

    assert first == second


def test_page_does_not_depend_on_the_moment_of_publishing(published):
    _, manifest = published
    later = manifest.model_copy(update={"published_at": instant(cycle(9))})

    assert report(later, verdict(manifest), previous=None) == report(manifest, verdict(manifest), previous=None)


def test_held_version_says_who_approved_it_and_why(published):
    _, manifest = published
    held = verdict(manifest, Finding(rule="members gone stale", status="hold", found="40.0%", expected="30.0%"))
    held = Verdict.sealed(**{**dict(held), "status": "hold"})
    approval = Approval.of(held, by="On Call", why="a <source> was retired", at=instant(cycle(2)))
    approved = manifest.model_copy(update={"approval": approval})

    page = report(approved, held, previous=None).page.decode()

    assert "Held, and then approved by a person" in page
    assert "Approved by On Call on" in page
    assert "a &lt;source&gt; was retired" in page


def test_first_version_says_that_drift_is_not_applicable(published):
    _, manifest = published
    first = manifest.model_copy(update={"changes": None})

    page = report(first, verdict(first), previous=None).page.decode()

    assert "not applicable, which is not the same as passed" in page
    assert "What entered and left" not in page


def test_version_without_mixes_has_a_page_without_their_pictures(published):
    _, manifest = published

    made = report(manifest, verdict(manifest, mixes=None), previous=None)

    assert set(made.pictures) == {"funnel.svg", "circle.svg", "changes.svg"}


def test_published_page_is_listed_in_the_manifest_and_names_no_owner_and_no_item(published):
    store, manifest = published
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    listed = {extra.path for extra in manifest.extras}
    pages = {path: store.get(prefix + path) for path in listed if path.endswith((".html", ".svg"))}

    assert {"report.html", keys.quality(manifest.verdict_seal, "pictures/funnel.svg")} <= listed
    assert [path for path, body in pages.items() if b"secret-owner" in body or b"item-" in body] == []


def test_page_of_another_publisher_is_put_right_by_publishing_again(published):
    from resift.steps.settle import settle_report

    store, manifest = published
    key = keys.snapshot(manifest.dataset, manifest.version) + keys.REPORT
    own = store.get(key)
    for spoil in (lambda: store.put(key, b"of another"), lambda: store.delete(key)):
        spoil()

        settle_report(store, manifest)

        assert store.get(key) == own


def test_picture_is_a_file_of_its_own(published):
    _, manifest = published

    for name, body in report(manifest, verdict(manifest), previous=MIXES).pictures.items():
        root = ElementTree.fromstring(body)
        assert root.tag == "{http://www.w3.org/2000/svg}svg", name
        assert b"prefers-color-scheme: dark" in body


def rects(picture: str) -> list[dict[str, str]]:
    return [one.attrib for one in ElementTree.fromstring(picture).iter("rect") if one.get("class") != "track"]


def test_bars_are_as_long_as_their_values():
    picture = bars("p", "t", "d", [Bar("a", 100, "100"), Bar("b", 25, "25", start=50)])

    one, other = rects(picture)
    assert float(other["width"]) == pytest.approx(float(one["width"]) / 4, abs=0.1)
    assert float(other["x"]) == pytest.approx(float(one["width"]) / 2, abs=0.1)


def test_small_value_is_still_seen_and_nothing_is_not():
    _, small, nothing = rects(bars("p", "t", "d", [Bar("a", 10**9, "all"), Bar("b", 1, "1"), Bar("c", 0, "0")]))

    assert float(small["width"]) > 1
    assert float(nothing["width"]) == 0


@pytest.mark.parametrize("values", [[], [0, 0]])
def test_nothing_can_be_drawn(values):
    lines = [Bar(str(n), value, "") for n, value in enumerate(values)]

    assert ElementTree.fromstring(bars("p", "t", "d", lines)).tag == "svg"
    assert ElementTree.fromstring(histogram("p", "t", "d", lines, axis="x")).tag == "svg"


@pytest.mark.parametrize(("width", "large"), [(0.25, "0 0 1"), (0.75, "0 1 1")])
def test_arc_takes_the_long_way_where_it_covers_more_than_half(width, large):
    assert large in circle("p", "t", "d", [Arc("a", 0.9, width, "now")])


def test_arc_of_the_whole_circle_is_a_circle():
    assert '<circle class="arc now"' in circle("p", "t", "d", [Arc("a", 0.9, 1.0, "now")])
