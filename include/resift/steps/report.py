"""Write the page and the pictures of a snapshot beside it."""

from __future__ import annotations

from resift.model import keys
from resift.model.manifest import Manifest
from resift.model.refresh import Plan
from resift.model.verdict import Verdict
from resift.report.page import report
from resift.steps.extras import write_extras
from resift.steps.judge import read_mixes
from resift.storage import Store


def with_report(store: Store, plan: Plan, manifest: Manifest, verdict: Verdict) -> Manifest:
    """Write page and pictures, and return the manifest with them among its extras.

    They lie in the folder of the verdict's seal, where no other publisher of the version writes anything else; the page
    lies once more where a person looks for it.
    """
    made = report(manifest, verdict, previous=read_mixes(store, plan))
    bodies = {keys.quality(verdict.seal, f"pictures/{name}"): body for name, body in made.pictures.items()}
    bodies |= {keys.quality(verdict.seal, keys.REPORT): made.page, keys.REPORT: made.page}
    extras = write_extras(store, keys.snapshot(manifest.dataset, manifest.version), bodies)
    return manifest.model_copy(update={"extras": (*manifest.extras, *extras)})
