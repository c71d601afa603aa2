"""A source file says how a delivery is read; whatever is wrong in it is named."""

from pathlib import Path

import pytest
import yaml

from resift.errors import ConfigError
from resift.model.source import Source

EXAMPLES = sorted((Path(__file__).parents[2] / "include" / "sources").glob("*.yaml"))


def content(**changes):
    return {
        "name": "photos",
        "pool": "photos",
        "format": "csv",
        "fields": {"image_id": "id", "url": "url"},
        "state": {"constant": "public"},
        "observed_at": "seen",
        **changes,
    }


def read(**changes):
    return Source.from_yaml(yaml.safe_dump(content(**changes)), what="photos.yaml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_can_be_read_and_is_named_like_its_file(path):
    source = Source.from_yaml(path.read_text(encoding="utf-8"), what=str(path))

    assert source.name == path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_source_written_as_json_and_read_again_is_the_same(path):
    source = Source.from_yaml(path.read_text(encoding="utf-8"), what=str(path))

    again = Source.from_json(source.to_json(), what="copy")

    assert again == source
    assert again.document_digest() == source.document_digest()


def test_na_is_no_null_value_unless_told_so():
    assert read().null_values == ("",)


def test_dotted_names_are_paths_in_nested_data_and_names_in_csv():
    nested = read(format="jsonl", fields={"image_id": "a[0].id", "url": ["dc.url"]})
    flat = read(fields={"image_id": "a[0].id", "url": "dc.url"})

    assert list(nested.paths())[:2] == [("a", 0, "id"), ("dc.url",)]
    assert list(flat.paths())[:2] == [("a[0].id",), ("dc.url",)]


def test_carried_names_in_a_list_stand_for_themselves():
    source = read(carry=["title", "views"])

    assert source.carry["views"].column == "views"
    assert source.carried_schema().names == ["title", "views"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "photos.yaml: colour: unknown key"),
        ({"format": "xml"}, "format: found 'xml', expected: .*parquet"),
        ({"name": "My Photos"}, "name: found 'My Photos', expected: a name of at most 64"),
        ({"fields": {"url": "u"}}, "fields.image_id: missing"),
        ({"fields": {"image_id": "id", "uri": "u"}}, "fields.uri: unknown key"),
        ({"fields": {"image_id": "id"}}, "a mapping in fields for required url"),
        ({"fields": {"image_id": {}, "url": "u"}}, "exactly one of column, constant and file_name, not none"),
        ({"fields": {"image_id": {"column": "a", "constant": "b"}, "url": "u"}}, "not column and constant"),
        ({"fields": {"image_id": 7, "url": "u"}}, "fields.image_id.column: found 7, expected: the name of a column"),
        ({"fields": {"image_id": {"file_name": "("}, "url": "u"}}, "a regular expression"),
        ({"fields": {"image_id": {"file_name": "(a)(b)"}, "url": "u"}}, "at most one group"),
        (
            {"fields": {"image_id": "i", "url": {"column": "u", "values": {"Norge": False}}}},
            r"fields.url.values.Norge: found False, expected: text; YAML reads NO",
        ),
        ({"format": "jsonl", "fields": {"image_id": "a[x]", "url": "u"}}, "a path such as contributors"),
        ({"fields": {"image_id": ["a", 0], "url": "u"}}, "a plain column for image_id"),
        ({"state": {"column": "s", "values": {"f": "gone"}}}, "state.values.f: found 'gone'"),
        ({"state": {"constant": "maybe"}}, "a constant of public, private or deleted"),
        ({"observed_at": {"column": "t", "format": "unix"}}, "iso, epoch_s, epoch_ms, epoch_us, or a pattern"),
        ({"observed_at": {"column": "t", "timezone": "Mars/Crater"}}, "the name of a time zone"),
        ({"carry": {"prn": "x"}}, "a name for carried column 'prn'"),
        ({"carry": {"url": "x"}}, "a name for carried column 'url'"),
        ({"carry": ["a", "a"]}, "no name twice"),
        ({"carry": {"a": {"column": "a", "type": "decimal"}}}, "carry.a.type: found 'decimal'"),
        ({"carry": {"a": {"column": "a", "timezone": "UTC"}}}, "format and timezone only beside type timestamp"),
        ({"required": ["owner"]}, "required fields among"),
        ({"encoding": "utf-99"}, "an encoding Python knows"),
        ({"csv": {"delimiter": ";;"}}, "csv.delimiter: found ';;'"),
        ({"format": "jsonl", "csv": {"quote": None}}, "a csv dialect only for csv and tsv"),
        ({"format": "jsonl", "columns": ["id"]}, "columns only for csv and tsv"),
        ({"columns": ["id", "id", "url", "seen"]}, "columns without repeats"),
        ({"columns": ["id", "seen"]}, "url from one of the columns, not from 'url'"),
        ({"format": "parquet", "compression": "gzip"}, "no compression beside parquet"),
        ({"max_bad_rows": {"share": 2}}, "max_bad_rows.share: found 2"),
        ({"max_bad_rows": {"percent": 2}}, "max_bad_rows.percent: unknown key"),
    ],
)
def test_what_is_wrong_in_a_source_file_is_named(changes, words):
    with pytest.raises(ConfigError, match=words):
        read(**changes)


def test_a_file_that_is_not_yaml_is_refused():
    with pytest.raises(ConfigError, match=r"photos.yaml: not YAML"):
        Source.from_yaml("a: [", what="photos.yaml")
