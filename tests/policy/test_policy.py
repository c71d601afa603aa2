"""The policy file: dated facts, closed to keys nobody declared."""

from datetime import date

import pytest

from resift.errors import ConfigError
from resift.policy import Policy, load_policy
from resift.policy.policy import Territory

TEXT = """
policy: p
version: "1"
sufficient: [owner_country]
only_excludes: []
placeholders: [""]
excluded: [{code: FR, from: 1958-01-01}]
"""


def test_policy_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(
        ConfigError, match=r"policy us: not found, expected one of eu. Correct `policy:` of the dataset"
    ):
        load_policy("us")


def test_interval_of_a_territory_is_half_open():
    territory = Territory.model_validate({"code": "GB", "from": date(1973, 1, 1), "to": date(2020, 2, 1)})

    days = (date(1972, 12, 31), date(1973, 1, 1), date(2020, 1, 31), date(2020, 2, 1))
    assert [territory.covers(day) for day in days] == [False, True, True, False]


def test_facts_of_several_days_add_up():
    both = load_policy("eu").excluded_on((date(2019, 1, 1), date(2026, 1, 1)))

    assert both == load_policy("eu").excluded_on((date(2019, 1, 1),)) | load_policy("eu").excluded_on(
        (date(2026, 1, 1),)
    )
    assert load_policy("eu").excluded_on(()) == frozenset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("sufficient: [owner_country]", "sufficient: []"), "at least one sufficient field"),
        (("sufficient: [owner_country]", "sufficient: [colour]"), "evidence fields of an observation; colour is none"),
        (("code: FR", "code: France"), "excluded.0.code: found 'France'"),
        (("version:", "edition:"), "version: missing|edition: unknown key"),
    ],
)
def test_policy_file_that_breaks_a_rule_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        Policy.from_yaml(TEXT.replace(*change), what="policy p")


def test_reference_of_a_policy_changes_with_its_content():
    one = Policy.from_yaml(TEXT, what="p")
    two = Policy.from_yaml(TEXT.replace("FR", "DE"), what="p")

    assert one.ref() != two.ref()
    assert one.ref() == Policy.from_yaml(TEXT, what="p").ref()
