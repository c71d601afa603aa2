"""Documents people write: what a file may not say."""

import pytest

from resift.errors import ConfigError
from resift.model.dataset import Dataset

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
