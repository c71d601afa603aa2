"""What describes a version follows from its manifest, agrees with it, and is read by the tools it is for."""

from __future__ import annotations

import json

import pytest
import yaml
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged
from schema import DOCUMENTS, SCHEMAS, schema_of

from resift.client.describe import describe
from resift.client.pull import pull
from resift.client.snapshots import find_manifest, read_manifest
from resift.errors import FormatNotKnown
from resift.model import keys
from resift.storage import LocalStore, MemoryStore


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = LocalStore(tmp_path_factory.mktemp("describe") / "lake")
    gone = [observation(f"i{n}", cycle(1), state="deleted") for n in range(60, 70)]
    french = [observation(f"f{n}", cycle(k), owner_country="FR") for n in range(30) for k in (0, 1)]
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(50 * k, 400)] for k in (0, 1)), gone, french)
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=250, nominal_width=0.6, turnover=0.25), cycle(k))
    return store


@pytest.fixture(scope="module")
def manifest(store):
    return read_manifest(store, "sample", cycle(1))


def test_lake_holds_what_follows_from_the_manifest(store, manifest):
    prefix = keys.snapshot("sample", cycle(1))

    assert {name: store.get(prefix + name) for name in describe(manifest)} == describe(manifest)
    assert set(describe(manifest)) == {"README.md", "croissant.json", "CITATION.cff"}


class TestCard:
    def test_every_question_is_answered(self, manifest):
        card = describe(manifest)["README.md"].decode()
        headings = [line for line in card.splitlines() if line.startswith("## ")]
        answers = card.split("\n## ")[1:]

        assert headings == [
            "## What is it?",
            "## How was it drawn?",
            "## Who is left out, and at what cost?",
            "## What changed?",
            "## Under which licences?",
            "## What are its limits?",
            "## How is it read, checked and cited?",
        ]
        assert all(len(answer.split("\n", 1)[1].strip()) > 40 for answer in answers)

    def test_counts_are_those_of_the_manifest(self, manifest):
        card = describe(manifest)["README.md"].decode()
        counts = {**manifest.funnel.removed, "in the sample when published": manifest.funnel.kept}

        assert [f"| {reason} | {n:,} |" for reason, n in counts.items() if f"| {reason} | {n:,} |" not in card] == []
        assert manifest.funnel.removed["excluded.inside.owner_country"] > 0
        assert all(f"| left | {cause} | {n:,} |" in card for cause, n in manifest.changes.left.items())
        assert manifest.content_digest in card

    def test_first_version_and_revisions_are_told(self, store, manifest):
        first = describe(read_manifest(store, "sample", cycle(0)))["README.md"].decode()
        revised = manifest.model_copy(update={"revision": 2, "erased": 7, "revised_at": manifest.published_at})

        assert "It is the first version." in first
        assert "revised 2 times" in (card := describe(revised)["README.md"].decode())
        assert "| erased since | 7 |" in card

    def test_metadata_for_hubs_names_the_data(self, manifest):
        front = describe(manifest)["README.md"].decode().split("---\n")[1]

        assert yaml.safe_load(front)["configs"] == [{"config_name": "default", "data_files": "data/*.parquet"}]


class TestCroissant:
    def test_files_and_columns_are_those_of_the_manifest(self, manifest):
        content = json.loads(describe(manifest)["croissant.json"])

        files = {one["contentUrl"]: one["sha256"] for one in content["distribution"] if "sha256" in one}
        assert files == {part.path: part.sha256 for part in manifest.parts}
        assert [one["name"] for one in content["recordSet"][0]["field"]] == [c.name for c in manifest.columns]
        assert content["conformsTo"] == "http://mlcommons.org/croissant/1.1"

    def test_mlcroissant_validates_it_and_reads_the_records(self, store, manifest, tmp_path):
        mlcroissant = pytest.importorskip("mlcroissant", reason="part of requirements-readers.txt")
        pull(store, manifest, tmp_path / "copy")

        described = mlcroissant.Dataset(str(tmp_path / "copy" / "croissant.json"))
        records = list(described.records("images"))

        assert described.metadata.ctx.issues.errors == set()
        assert len(records) == manifest.rows


class TestCitation:
    def test_citation_file_names_revision_and_digest(self, manifest):
        content = yaml.safe_load(describe(manifest)["CITATION.cff"])

        assert content["cff-version"] == "1.2.0"
        assert content["type"] == "dataset"
        assert content["version"] == f"{cycle(1)}.0"
        assert content["identifiers"][0]["value"] == f"sha256:{manifest.content_digest}"
        assert {"message", "title", "authors"} <= content.keys()


class TestSchema:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
    def test_published_schema_is_that_of_the_document(self, document):
        """Run ``python tests/schema.py`` after a change that older readers can bear; else raise the format's number."""
        name, text = schema_of(document)

        assert (SCHEMAS / name).read_text() == text

    def test_no_other_schema_is_published(self):
        assert {path.name for path in SCHEMAS.glob("*.json")} == {schema_of(document)[0] for document in DOCUMENTS}

    def test_manifest_fits_its_schema(self, manifest):
        jsonschema = pytest.importorskip("jsonschema")

        jsonschema.validate(json.loads(manifest.to_json()), json.loads(schema_of(type(manifest))[1]))

    @pytest.mark.parametrize("format_", ["resift-snapshot/2", "resift-snapshot/10", "other/1", 7])
    def test_manifest_of_another_format_is_refused_before_its_keys(self, manifest, format_):
        store, content = MemoryStore(), {"format": format_, "what": "nobody knows"}
        store.put(keys.manifest("sample", cycle(1)), json.dumps(content).encode())

        with pytest.raises(FormatNotKnown, match=r"found format .*, expected 'resift-snapshot/1'.*upgrade"):
            find_manifest(store, "sample", cycle(1))
        with pytest.raises(FormatNotKnown):
            read_manifest(store, "sample", str(cycle(1)))
