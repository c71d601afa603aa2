"""Makes up a pool: images, their owners, and what becomes of both from one quarter to the next.

Nothing in it is real: ids are numbers, hosts lie in the reserved domain ``.example`` (RFC 2606).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

SEED = 20_250_106
ANCHOR = date(2025, 1, 6)
EVERY = timedelta(days=90)
QUARTERS = 4

SOURCES = ("photos", "museums", "archive")
VANISHING_HOST = "img3.photos.example"
VANISHING_SHARE = 0.4

_SOURCE_SHARES = (0.6, 0.25, 0.15)
_HOSTS = {
    "photos": [f"img{number}.photos.example" for number in range(1, 6)],
    "museums": ["media.museums.example", "scans.museums.example"],
    "archive": ["files.archive.example", "mirror.archive.example"],
}
_OUTSIDE = ["US", "IN", "BR", "JP", "GB", "CA", "MX", "AU", "KR", "ID", "TR", "ZA", "AR", "NG", "CH", "NO", "UA", "VN"]
_INSIDE = ["DE", "FR", "IT", "ES", "PL", "NL", "SE", "AT", "PT", "GR"]
_ALPHA3 = {"US": "USA", "IN": "IND", "BR": "BRA", "JP": "JPN", "GB": "GBR", "DE": "DEU", "FR": "FRA"}
_NAMES = {"US": "United States", "BR": "Brasil", "JP": "Nippon", "DE": "Deutschland", "FR": "France"}
_PLACES = {
    "US": (39.8, -98.6), "IN": (22.9, 79.6), "BR": (-10.8, -53.1), "JP": (36.5, 138.0), "GB": (54.1, -2.9),
    "DE": (51.1, 10.4), "FR": (46.6, 2.5), "CA": (57.5, -98.4), "AU": (-25.7, 134.5), "MX": (23.9, -102.5),
}  # fmt: skip
_LICENSES = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CC-BY-NC-4.0")
_ABSENT, _PUBLIC, _PRIVATE, _DELETED = range(4)
_STATES = np.array(["", "public", "private", "deleted"])
_MOVERS_OWN_AT_MOST = 100
"""Only owners of few images move: the breaker names an owner of many whose images all leave."""


def grid_date(quarter: int) -> date:
    """Return the date of the cycle that ends a quarter."""
    return ANCHOR + quarter * EVERY


@dataclass(frozen=True, slots=True)
class Owners:
    """Owners of images: accounts, collections, estates."""

    source: np.ndarray
    weight: np.ndarray
    """How many images an owner has, as a share. A few have very many (Zipf)."""

    country: np.ndarray
    """What the source says about an owner's country, in the words of the source."""


@dataclass(frozen=True, slots=True)
class Images:
    """What never changes about an image."""

    source: np.ndarray
    owner: np.ndarray
    host: np.ndarray
    born: np.ndarray
    """The quarter in which it is first observed."""

    created_at: np.ndarray
    columns: dict[str, np.ndarray]
    """Further fields, one value each."""


def quarters(items: int) -> Iterator[pa.Table]:
    """Yield, for each quarter, what the three sources observed in the 90 days before its grid date."""
    chance = np.random.default_rng(SEED)
    owners = _owners(chance, max(60, items // 40))
    images = _images(chance, items, owners)
    country = owners.country.copy()
    state = np.full(items, _ABSENT)
    lost = np.zeros(items, dtype=bool)
    for quarter in range(QUARTERS):
        if quarter:
            _move(chance, country, images)
        before = state.copy()
        _change(chance, state, lost, images, quarter)
        yield _observe(chance, images, country, before, state, lost, quarter)


def _owners(chance: np.random.Generator, count: int) -> Owners:
    weight = chance.permutation(1 / (np.arange(count) + 10) ** 0.9)
    return Owners(
        source=chance.choice(len(SOURCES), count, p=_SOURCE_SHARES),
        weight=weight,
        country=_in_words(chance, _countries(chance, count)),
    )


def _countries(chance: np.random.Generator, count: int) -> np.ndarray:
    codes = np.array(_OUTSIDE + _INSIDE)
    share = np.concatenate([0.78 * _zipf(len(_OUTSIDE)), 0.22 * _zipf(len(_INSIDE))])
    return chance.choice(codes, count, p=share).astype(object)


def _in_words(chance: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    """Write countries the way sources do: in lower case, with blanks, in three letters, as a name, or not at all."""
    way = chance.random(len(codes))
    return np.array([_in_word(code, one) for code, one in zip(codes, way, strict=True)], dtype=object)


def _in_word(code: str, way: float) -> str | None:
    if way < 0.715:
        return code
    if way < 0.795:
        return code.lower()
    if way < 0.835:
        return f" {code} "
    if way < 0.895:
        return _ALPHA3.get(code, code)
    if way < 0.925:
        return _NAMES.get(code, code)
    if way < 0.955:
        return "unknown"
    return "EU" if way < 0.96 else None


def _images(chance: np.random.Generator, items: int, owners: Owners) -> Images:
    share = owners.weight / owners.weight.sum()
    owner = chance.choice(len(share), items, p=share)
    source = owners.source[owner]
    host = np.empty(items, dtype=object)
    for code, name in enumerate(SOURCES):
        mine = source == code
        host[mine] = chance.choice(_HOSTS[name], mine.sum(), p=_zipf(len(_HOSTS[name])))
    born = chance.choice(QUARTERS, items, p=(0.82, 0.06, 0.06, 0.06))
    age = chance.exponential(3 * 365, items) + 90
    created = np.array([np.datetime64(grid_date(int(b)), "s") for b in range(QUARTERS)])[born]
    return Images(source, owner, host, born, created - (age * 86_400).astype("timedelta64[s]"), _fields(chance, items))


def _fields(chance: np.random.Generator, items: int) -> dict[str, np.ndarray]:
    upload = _in_words(chance, _countries(chance, items))
    upload[chance.random(items) < 0.8] = None
    place = chance.choice(list(_PLACES), items)
    located = chance.random(items) < 0.25
    centre = np.array([_PLACES[code] for code in _PLACES])[np.unique(place, return_inverse=True)[1]]
    at = centre + chance.normal(0, 1.5, (items, 2))
    regions = np.array(["US-CA", "US-NY", "BR-SP", "CA-ON", "FR-75"], dtype=object)
    return {
        "upload_country": upload,
        "subdivision": _some(chance.random(items) < 0.03, chance.choice(regions, items)),
        "lat": _some(located, np.char.mod("%.4f", at[:, 0])),
        "lon": _some(located, np.char.mod("%.4f", at[:, 1])),
        "license": chance.choice(_LICENSES, items),
        "width": chance.integers(640, 6000, items),
        "height": chance.integers(480, 4000, items),
    }


def _some(chosen: np.ndarray, values: np.ndarray) -> np.ndarray:
    some = np.full(len(values), None, dtype=object)
    some[chosen] = values[chosen]
    return some


def _zipf(count: int) -> np.ndarray:
    weight = 1 / np.arange(1, count + 1) ** 0.8
    share: np.ndarray = weight / weight.sum()
    return share


def _move(chance: np.random.Generator, country: np.ndarray, images: Images) -> None:
    """Let one in twelve owners of few images move to another country."""
    few = np.bincount(images.owner, minlength=len(country)) < _MOVERS_OWN_AT_MOST
    moved = few & (chance.random(len(country)) < 0.08)
    country[moved] = _countries(chance, int(moved.sum()))


def _change(chance: np.random.Generator, state: np.ndarray, lost: np.ndarray, images: Images, quarter: int) -> None:
    """Let a quarter pass: images are born, are made private and public, are deleted, come back, are lost sight of."""
    public, private, deleted = (state == one for one in (_PUBLIC, _PRIVATE, _DELETED))
    luck = chance.random(len(state))
    state[images.born == quarter] = _PUBLIC
    state[(images.born == quarter) & (luck < 0.03)] = _PRIVATE
    state[public & (luck < 0.02)] = _DELETED
    state[public & (luck >= 0.02) & (luck < 0.026)] = _PRIVATE
    state[private & (luck < 0.2)] = _PUBLIC
    state[deleted & (luck < 0.08)] = _PUBLIC
    lost |= (public | private) & (luck > 0.97)
    if quarter == QUARTERS - 1:
        vanishing = public & ~lost & (images.host == VANISHING_HOST)
        state[vanishing & (chance.random(len(state)) < VANISHING_SHARE)] = _DELETED


def _observe(
    chance: np.random.Generator,
    images: Images,
    country: np.ndarray,
    before: np.ndarray,
    state: np.ndarray,
    lost: np.ndarray,
    quarter: int,
) -> pa.Table:
    """Return what is observed: everything not lost sight of once, and some of it twice. A deletion is told once."""
    seen = np.flatnonzero(~lost & (state != _ABSENT) & ~((state == _DELETED) & (before == _DELETED)))
    again = seen[chance.random(len(seen)) < 0.04]
    day = chance.uniform(1, 45, len(seen))
    index = np.concatenate([seen, again])
    days_before = np.concatenate([day, chance.uniform(45, 89, len(again))])
    told = state[index]
    # The earlier of two observations still saw the image where it was.
    told[len(seen) :] = _PUBLIC
    observed = np.datetime64(grid_date(quarter), "s") - (days_before * 86_400).astype("timedelta64[s]")
    ids = np.char.mod("%07d", index)
    columns: dict[str, np.ndarray] = {
        "image_id": np.char.add("x", ids),
        "observed_at": observed,
        "state": _STATES[told],
        "url": np.char.add(np.char.add("https://", images.host[index].astype(str)), np.char.mod("/%07d.jpg", index)),
        "owner_id": np.char.mod("u%06d", images.owner[index]),
        "owner_country": country[images.owner[index]],
        "created_at": images.created_at[index],
        "title": np.char.add("Untitled ", ids),
        "source": images.source[index],
        **{name: values[index] for name, values in images.columns.items()},
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})
