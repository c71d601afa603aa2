"""Documents people write: what a file may not say."""

from datetime import date

import pytest

from resift.errors import ConfigError
from resift.model.dataset import Dataset
from resift.model.verdict import Verdict

TEXT = """
name: sample
pool: photos
anchor: 2026-01-01
every: 90d
size: 100
publish_columns: [image_id]
retention: 365d
"""


def test_key_given_twice_is_refused_with_its_line():
    with pytest.raises(ConfigError, match=r"sample.yaml: not YAML \(found the key 'size' twice(.|\n)*line 10"):
        Dataset.from_yaml(TEXT + "max_age: 90d\nsize: 200\n", what="sample.yaml")


def test_digest_does_not_change_when_a_key_is_given_at_its_default():
    plain = Dataset.from_yaml(TEXT, what="a")
    spelled = Dataset.from_yaml(TEXT + "max_age: 90d\nturnover: 0\n", what="b")

    assert plain.document_digest() == spelled.document_digest()


def test_key_that_came_later_is_not_written_where_it_is_not_set():
    """Manifests and seals from before there was one would get another digest."""
    plain = Dataset.from_yaml(TEXT, what="a")
    stops = Dataset.from_yaml(TEXT + "limits: {churn_stop: 0.9}\n", what="b")
    names = {"dataset": "sample", "version": date(2026, 1, 1), "plan_id": "p", "content_digest": "c" * 64}
    verdict = Verdict.sealed(**names, status="stop", findings=(), evaluated=0)

    assert b"_stop" not in plain.to_json()
    assert b'"churn_stop"' in stops.to_json()
    assert b"measured_digest" not in verdict.to_json()
    assert Verdict.from_json(verdict.to_json(), what="v").expected_seal() == verdict.seal
