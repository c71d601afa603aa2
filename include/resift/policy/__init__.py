"""The exclusion policy: data files, loader, evidence → verdict."""

from resift.policy.judge import JUDGED, judge_evidence
from resift.policy.load import load_policy
from resift.policy.policy import Policy

__all__ = ["JUDGED", "Policy", "judge_evidence", "load_policy"]
