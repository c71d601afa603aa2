"""What every task of resift's DAGs starts from: which failures are worth another try, and how patiently."""

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

# A refusal is an answer: the same question gets it again, and a night's sleep is lost waiting for the last try.
# Only storage may answer differently a minute later. The first rule that matches decides.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            "resift.errors.ConditionalWritesUnsupported", RetryAction.FAIL, reason="the endpoint will not change"
        ),
        RetryRule(
            [
                "airflow.providers.standard.exceptions.HITLRejectException",
                "airflow.providers.standard.exceptions.HITLTriggerEventError",
            ],
            RetryAction.FAIL,
            reason="a person answered, or nobody did in time: do not ask again",
        ),
        RetryRule("resift.errors.StorageError", RetryAction.DEFAULT, reason="storage may recover"),
        RetryRule("resift.errors.ResiftError", RetryAction.FAIL, reason="a refusal does not change when repeated"),
    ]
)

# Retries also bring back a task whose worker was lost, so none of them may go without.
TASK_DEFAULTS = {
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=30),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(hours=6),
}
