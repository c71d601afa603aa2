"""The exclusion policy: data files, loader, evidence → verdict."""

from resift.policy.judge import judge_evidence
from resift.policy.policy import Policy, load_policy

__all__ = ["Policy", "judge_evidence", "load_policy"]
