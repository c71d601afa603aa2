"""Write the card of a version: the questions of a datasheet (Gebru et al. 2021), answered from its manifest."""

from __future__ import annotations

from collections.abc import Iterator

from resift.client.citation import cite_bibtex
from resift.model.columns import CIRCLE
from resift.model.manifest import Manifest
from resift.model.reasons import EXCLUDED, NOT_DRAWN, SUPPRESSED


def describe_card(manifest: Manifest) -> str:
    """Return ``README.md`` of a version. It is a function of the manifest."""
    m = manifest
    sections = (
        ("What is it?", _what(m)),
        ("How was it drawn?", _drawn(m)),
        ("Who is left out, and at what cost?", _left_out(m)),
        ("What changed?", _changed(m)),
        ("Under which licences?", _licences(m)),
        ("What are its limits?", _limits()),
        ("How is it read, checked and cited?", _used(m)),
    )
    body = "\n\n".join(f"## {heading}\n\n" + "\n\n".join(texts) for heading, texts in sections)
    return f"{_front(m)}\n# {m.dataset} {m.version}.{m.revision}\n\n{body}\n"


def _front(m: Manifest) -> str:
    """Return the metadata that dataset hubs read from a card."""
    return f"---\npretty_name: {m.dataset}\nconfigs:\n- config_name: default\n  data_files: data/*.parquet\n---\n"


def _what(m: Manifest) -> Iterator[str]:
    yield (
        f"{m.rows:,} records about public images, one a row, as of {m.as_of:%Y-%m-%d}. The images themselves are not "
        "part of it; `url` says where each was seen."
    )
    yield "\n".join(["| column | type |", "|---|---|", *(f"| `{c.name}` | {c.type} |" for c in m.columns)])


def _drawn(m: Manifest) -> Iterator[str]:
    d = m.draw
    how = "all eligible items, since there were fewer than asked for" if d.exhausted else "the first eligible items"
    yield (
        f"Each item has a permanent random number. The sample is {how} at or after the start point "
        f"{d.start / CIRCLE:.6f} of the circle, over {d.width / CIRCLE:.6f} of it (cycle {d.cycle}). Every eligible "
        f"item, of about {d.eligible_estimate:,.0f}, had the same probability of being in it: "
        f"{d.inclusion_probability:.6g}."
    )
    yield "Rows are in the order of their numbers, so the first m rows are a random sample of size m."


def _left_out(m: Manifest) -> Iterator[str]:
    yield (
        f"Deletions, removals asked for and the policy `{m.policy.policy}` {m.policy.version} were applied as known on "
        f"{m.known_at:%Y-%m-%d}. Of {m.funnel.observations:,} observations in the ranges used, "
        f"{m.funnel.superseded:,} were superseded by another of the same item. The others:"
    )
    rows = [f"| {reason} | {count:,} |" for reason, count in m.funnel.removed.items()]
    kept = [f"| in the sample when published | {m.funnel.kept:,} |"]
    erased = [f"| erased since | {m.erased:,} |"] if m.erased else []
    yield "\n".join(["| reason | observations |", "|---|---:|", *rows, *kept, *erased])
    excluded = sum(n for reason, n in m.funnel.removed.items() if reason.split(".")[0] == EXCLUDED)
    judged = excluded + m.funnel.kept + m.funnel.removed.get(NOT_DRAWN, 0) + m.funnel.removed.get(SUPPRESSED, 0)
    if judged:
        yield (
            f"The policy left out {excluded:,} of {judged:,} items that could otherwise have been drawn "
            f"({excluded / judged:.1%}), for the reasons above that begin with `{EXCLUDED}`. So the sample says "
            "nothing about images from the places that the policy excludes, and less about those whose origin "
            "nobody recorded."
        )


def _changed(m: Manifest) -> Iterator[str]:
    if m.changes is None:
        yield "It is the first version."
    else:
        c = m.changes
        counts = [
            *(f"| entered | {cause} | {count:,} |" for cause, count in c.entered.items()),
            *(f"| left | {cause} | {count:,} |" for cause, count in c.left.items()),
        ]
        yield f"Against {c.previous.version}, of {c.previous_rows:,} items:"
        yield "\n".join(["| change | cause | items |", "|---|---|---:|", *counts])
    if m.revision:
        when = f", last on {m.revised_at:%Y-%m-%d}" if m.revised_at else ""
        yield f"It was revised {m.revision} times{when}: {m.erased:,} items were erased. Revisions only remove."


def _licences(m: Manifest) -> Iterator[str]:
    if any(column.name == "license" for column in m.columns):
        yield "Each image has the licence its source gave, in the column `license`. Nobody checked them one by one."
    else:
        yield "The columns hold no licences. Ask who publishes the dataset before you use an image."


def _limits() -> Iterator[str]:
    yield (
        "It is a sample of what the sources of the pool have shown, not of all images there are. Urls may lead nowhere "
        "by now. Origin is judged by recorded evidence, which can be wrong. Leaving images out by place does not "
        "switch data protection law off. A person in a picture may ask for removal at any time; use the "
        "newest revision."
    )


def _used(m: Manifest) -> Iterator[str]:
    opened = f'resift.open(lake, "{m.dataset}", "{m.version}.{m.revision}")'
    yield (
        f"`resift pull {m.version} DEST --dataset {m.dataset}` copies and verifies it; `{opened}` opens it in Python; "
        f"anything that reads Parquet reads `data/`. It is kept until {m.retained_until}."
    )
    yield f"Content digest: `{m.content_digest}`"
    yield f"```bibtex\n{cite_bibtex(m)}\n```"
