"""The exclusion policy: data files, loader, evidence → verdict."""

from resift.policy.judge import JUDGED, judge, judge_evidence
from resift.policy.load import load_policy
from resift.policy.policy import Policy
from resift.policy.readings import add_readings, count_readings, fold_small

__all__ = [
    "JUDGED",
    "Policy",
    "add_readings",
    "count_readings",
    "fold_small",
    "judge",
    "judge_evidence",
    "load_policy",
]
