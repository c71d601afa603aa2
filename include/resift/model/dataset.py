"""The dataset file: everything a refresh is told by a person."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, model_validator

from resift.model.columns import PRIVATE_COLUMNS, PRN
from resift.model.document import Days, Document, Name
from resift.model.grid import Grid

Share = Annotated[float, Field(ge=0, le=1)]
Stop = Annotated[float | None, Field(ge=0, le=1, exclude_if=lambda limit: limit is None)]
"""A limit that need not be set. Unset it is not written: a manifest from before it was known keeps its digest."""


class Limits(Document):
    """What the judge and the breaker allow. Shares are of the previous snapshot's members unless said otherwise."""

    min_size_share: Share = 0.0
    """Smallest snapshot to publish, as a share of ``size``. 0 allows any non-empty snapshot when the pool is small."""

    deleted_share: Share = 0.10
    """More members than this deleted or turned private since the previous snapshot: hold."""

    stale_share: Share = 0.30
    """More members than this gone stale since the previous snapshot: hold."""

    excluded_share: Share = 0.05
    """More members than this newly excluded by policy: hold."""

    owner_share: Share = 0.25
    """One owner losing more of its members than this: hold."""

    host_share: Share = 0.25
    """One host losing more of its members than this: hold."""

    owner_min_members: Annotated[int, Field(ge=1)] = 50
    """Owners with fewer members in the previous snapshot are not judged one by one."""

    host_min_members: Annotated[int, Field(ge=1)] = 50
    """Hosts with fewer members in the previous snapshot are not judged one by one."""

    source_share: Share = 0.40
    """One source losing more of its members than this: hold. Wider than for a host: a source has all its stock."""

    source_min_members: Annotated[int, Field(ge=1)] = 50
    """Sources with fewer members in the previous snapshot are not judged one by one."""

    jump_factor: Annotated[float, Field(ge=1)] = 3.0
    """Exits for a cause more than this many times the median share of the recent versions: hold."""

    jump_floor: Share = 0.02
    """Shares of exits up to this are no jump, however few there were before."""

    size_drift: Share = 0.20
    """Largest change of the snapshot's size against the previous one before the breaker holds."""

    size_drift_warn: Share = 0.05
    """A larger change of size than this is shown."""

    size_drift_stop: Stop = None
    """A larger change of size than this: stop, not to be approved. Not set: never."""

    deleted_share_warn: Share = 0.05
    """More members than this deleted or turned private: shown."""

    deleted_share_stop: Stop = None
    """More members than this deleted or turned private: stop, not to be approved. Not set: never."""

    stale_share_warn: Share = 0.15
    """More members than this gone stale: shown."""

    stale_share_stop: Stop = None
    """More members than this gone stale: stop, not to be approved. Not set: never."""

    excluded_share_warn: Share = 0.02
    """More members than this newly excluded: shown."""

    excluded_share_stop: Stop = None
    """More members than this newly excluded: stop, not to be approved. Not set: never."""

    churn: Share = 0.50
    """More members than this gone for any cause but rotation: hold."""

    churn_warn: Share = 0.25
    """More members than this gone for any cause but rotation: shown."""

    churn_stop: Stop = None
    """More members than this gone for any cause but rotation: stop, not to be approved. Not set: never."""

    turnover_gap_warn: Share = 0.10
    """A larger distance between the share rotated out and ``turnover``: shown."""

    country_drift: Share = 0.25
    """Larger distance than this between the mixes by country: hold."""

    country_drift_warn: Share = 0.10
    """Larger distance than this between the mixes by country: shown."""

    country_drift_stop: Stop = None
    """Larger distance than this between the mixes by country: stop, not to be approved. Not set: never."""

    license_drift: Share = 0.25
    """Larger distance than this between the mixes by licence: hold."""

    license_drift_warn: Share = 0.10
    """Larger distance than this between the mixes by licence: shown."""

    license_drift_stop: Stop = None
    """Larger distance than this between the mixes by licence: stop, not to be approved. Not set: never."""

    host_drift: Share = 0.25
    """Larger distance than this between the mixes by host: hold."""

    host_drift_warn: Share = 0.10
    """Larger distance than this between the mixes by host: shown."""

    host_drift_stop: Stop = None
    """Larger distance than this between the mixes by host: stop, not to be approved. Not set: never."""

    age_drift: Share = 0.50
    """Ages moved by more than this share of ``max_age``: hold."""

    age_drift_warn: Share = 0.25
    """Ages moved by more than this share of ``max_age``: shown."""

    age_drift_stop: Stop = None
    """Ages moved by more than this share of ``max_age``: stop, not to be approved. Not set: never."""

    null_drift: Share = 0.10
    """Share of nulls in a published column changed by more than this: hold."""

    null_drift_warn: Share = 0.02
    """Share of nulls in a published column changed by more than this: shown."""

    null_drift_stop: Stop = None
    """Share of nulls in a published column changed by more than this: stop, not to be approved. Not set: never."""

    @model_validator(mode="after")
    def _check(self) -> Limits:
        for name in type(self).model_fields:
            held, stop = name.removesuffix("_stop"), getattr(self, name)
            if name.endswith("_stop") and stop is not None and stop < getattr(self, held):
                raise ValueError(
                    f"limits.{name} at least {held}, {getattr(self, held):g}: what stops must not hold first"
                )
        return self


class Dataset(Document):
    """One rolling sample: which pool, how often, how large, and what of it is published."""

    name: Name
    pool: Name
    anchor: date
    """Date of cycle 0."""

    every: Days
    """Distance between cycles, such as ``90d``."""

    size: Annotated[int, Field(ge=1)]
    """Items in a snapshot."""

    max_age: Days = timedelta(days=90)
    """An item not observed for longer than this before as_of is stale."""

    turnover: Share = 0.0
    """Share of the sample that is rotated out at each cycle by moving the start point."""

    start: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Start point of cycle 0 on the unit circle of PRNs. Datasets with far-apart starts do not overlap."""

    nominal_width: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the pool the sample is expected to be: sizes the ranges, and the step of ``turnover``."""

    part_rows: Annotated[int, Field(ge=100)] = 262_144
    """Rows aimed at in one published part, if ``nominal_width`` is right."""

    policy: Name = "eu"
    """The exclusion policy, a file of ``resift/policy/``."""

    publish_columns: tuple[str, ...]
    """Columns that leave the pool, in this order; ``image_id`` is one of them, evidence and owners never are."""

    limits: Limits = Limits()
    retention: Days
    """How long a published version is promised to stay."""

    @property
    def grid(self) -> Grid:
        """The refresh grid."""
        return Grid(self.anchor, self.every)

    @model_validator(mode="after")
    def _check(self) -> Dataset:
        if len(set(self.publish_columns)) != len(self.publish_columns):
            raise ValueError("publish_columns without repeats")
        if PRN in self.publish_columns:
            raise ValueError("publish_columns without prn, which is published first in any case")
        if "image_id" not in self.publish_columns:
            raise ValueError("image_id among publish_columns")
        if leaked := sorted(PRIVATE_COLUMNS.intersection(self.publish_columns)):
            raise ValueError(f"publish_columns without {', '.join(leaked)}, which must stay in the pool")
        if self.turnover and "nominal_width" not in self.model_fields_set:
            raise ValueError(
                "nominal_width beside a turnover: the expected share of the pool in the sample, such as 0.1"
            )
        if self.size / self.part_rows / self.nominal_width > 1_000_000:
            raise ValueError("at most 1,000,000 ranges; raise part_rows or nominal_width")
        return self
