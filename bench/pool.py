"""Make a pool to measure with: 15 columns of the widths and the entropy that such records have.

One file is one delivery of at most `FILE_ROWS` images in the order of their upload, which says nothing about their
random numbers. One observation an image, so that the peers need not merge. Every file is made from the number of its
first row alone: the first file of a pool of 100 million is that of a pool of 10 million.

================  =========================================================================================
image_id          11 digits, ascending, as a photo site gives them
observed_at       a second of the 120 days before the cycle: a quarter is stale
state             97 % public, 2 % private, 1 % deleted
url               one of 64 hosts, the id, and a secret of 10 hex digits that no code can compress
created_at        a second of the year before
license           one of 8, unevenly
width, height     one of 1,024 pairs, unevenly
owner_id          as `74210937@N05`, few owners with many images and many with few (Zipf, 1.3)
owner_country     US 30 %, JP, BR, IN, CA, AU 38 % together, FR, DE, IT 20 %, none 12 %
upload_country    that of the owner for every second image, else none
lat, lon          text of 6 decimals for three in ten, inside the owner's country
title             2 to 5 words of a vocabulary of 50,000, unevenly
tags              3 such words
================  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from resift.core.prn import permanent_random_numbers

SALT = "0123456789abcdef"
FILE_ROWS = 5_000_000
BATCH_ROWS = 500_000
CYCLE = np.datetime64("2026-04-01T00:00:00", "s")

COUNTRIES = ("US", "JP", "BR", "IN", "CA", "AU", "FR", "DE", "IT", "")
SHARES = (0.30, 0.10, 0.10, 0.08, 0.06, 0.04, 0.08, 0.07, 0.05, 0.12)
INSIDE_EU = ("FR", "DE", "IT")
BOXES = {
    "US": (35, 45, -110, -85),
    "JP": (35, 37, 137, 140),
    "BR": (-20, -5, -55, -42),
    "IN": (15, 25, 75, 82),
    "CA": (50, 58, -120, -100),
    "AU": (-32, -20, 120, 145),
    "FR": (45, 48, 1, 5),
    "DE": (49, 53, 9, 12),
    "IT": (43, 45, 10, 12),
    "": (35, 45, -110, -85),
}

SOURCE = """
name: photos
pool: {pool}
format: parquet
fields:
  image_id: image_id
  url: url
  created_at: created_at
  license: license
  width: width
  height: height
  owner_id: owner_id
  owner_country: owner_country
  upload_country: upload_country
  lat: lat
  lon: lon
state: state
observed_at: observed_at
carry: [title, tags]
"""

DATASET = """
name: {name}
pool: {pool}
anchor: 2026-01-01
every: 90d
size: {size}
nominal_width: {width:.6f}
publish_columns: [image_id, url, observed_at, license, width, height, title]
retention: 365d
"""

PUBLISHED = ("image_id", "url", "observed_at", "license", "width", "height", "title")
DECIDING = ("state", "observed_at", "owner_country", "upload_country")
ELIGIBLE = 0.97 * 0.75 * 0.68
"""Share of the images that may be drawn."""


def write_pool(folder: Path, *, rows: int, workers: int = 1) -> list[Path]:
    """Write the files of a pool, as they would be delivered, unless they are there; return them in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        first: folder / f"photos-{first // FILE_ROWS:04d}-{min(rows - first, FILE_ROWS)}.parquet"
        for first in range(0, rows, FILE_ROWS)
    }
    missing = [(path, first, min(rows, first + FILE_ROWS)) for first, path in files.items() if not path.exists()]
    if workers == 1 or len(missing) < 2:
        for one in missing:
            _write_file(*one)
    else:
        with ProcessPoolExecutor(workers) as processes:
            list(processes.map(_write_file, *zip(*missing, strict=True)))
    return list(files.values())


def _write_file(path: Path, first: int, last: int) -> None:
    unfinished = path.with_suffix(".part")
    with pq.ParquetWriter(unfinished, schema(), compression="zstd", compression_level=1) as writer:
        for batch in batches(first, last):
            writer.write_table(batch, row_group_size=BATCH_ROWS // 4)
    unfinished.rename(path)


def batches(first: int, last: int) -> Iterator[pa.Table]:
    """Yield the rows from `first` up to `last`."""
    for at in range(first, last, BATCH_ROWS):
        yield make_rows(at, min(last, at + BATCH_ROWS) - at)


def schema() -> pa.Schema:
    """Return the columns of a delivery, and beside them the random number, which spares the peers to hash."""
    return make_rows(0, 1).schema


def make_rows(first: int, count: int) -> pa.Table:
    """Return `count` images from number `first` on; the same at every run."""
    random = np.random.default_rng([20260401, first])
    number = np.arange(first, first + count, dtype=np.int64) * 7 + 52_000_000_000
    image_id = pa.array(number).cast(pa.string())
    place = random.choice(len(COUNTRIES), count, p=SHARES).astype(np.int32)
    country = _words(COUNTRIES, place)
    owner = np.minimum(random.zipf(1.3, count), 20_000_000).astype(np.int64)
    columns = {
        "image_id": image_id,
        "observed_at": _seconds(CYCLE - random.integers(1, 120 * 86_400, count)),
        "state": _words(("public", "private", "deleted"), random.choice(3, count, p=[0.97, 0.02, 0.01])),
        "url": _join(
            _words([f"https://live{n}.photos.example/65535/" for n in range(64)], random.integers(0, 64, count)),
            image_id,
            _hex(random, count),
        ),
        "created_at": _seconds(CYCLE - random.integers(120 * 86_400, 485 * 86_400, count)),
        "license": _words([f"license-{n}" for n in range(8)], np.minimum(random.zipf(1.6, count) - 1, 7)),
        "width": pa.array(_sides()[random.zipf(1.4, count) % 1024].astype(np.int32)),
        "height": pa.array(_sides()[random.zipf(1.4, count) % 1024].astype(np.int32)),
        "owner_id": pc.binary_join_element_wise(pa.array(owner * 4_211 % 99_999_989).cast(pa.string()), "N05", "@"),
        "owner_country": pc.if_else(pc.equal(country, ""), pa.scalar(None, pa.string()), country),
        "upload_country": pc.if_else(
            pa.array((random.random(count) < 0.5) & (place < len(COUNTRIES) - 1)), country, pa.scalar(None, pa.string())
        ),
        **_coordinates(random, place),
        "title": _sentence(random, count, least=2, most=5),
        "tags": _sentence(random, count, least=3, most=3),
    }
    table = pa.table(columns)
    return table.append_column("prn", pa.array(permanent_random_numbers(image_id, salt=SALT)))


def _words(words: list[str] | tuple[str, ...], positions: np.ndarray) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(positions.astype(np.int32)))


def _seconds(instants: np.ndarray) -> pa.Array:
    return pa.array(instants.astype("datetime64[us]")).cast(pa.timestamp("us", tz="UTC"))


def _sides() -> np.ndarray:
    return np.random.default_rng(1).integers(320, 6_000, 1024)


def _hex(random: np.random.Generator, count: int) -> pa.Array:
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[random.integers(0, 16, (count, 10))]
    offsets = np.arange(0, 10 * count + 1, 10, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(digits.tobytes())])


def _join(host: pa.Array, image_id: pa.Array, secret: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(host, image_id, "_", secret, "_b.jpg", "")


def _coordinates(random: np.random.Generator, place: np.ndarray) -> dict[str, pa.Array]:
    boxes = np.array([BOXES[country] for country in COUNTRIES], dtype=np.float64)[place]
    missing = random.random(len(place)) >= 0.3
    found = {}
    for name, low, high in (("lat", 0, 1), ("lon", 2, 3)):
        degrees = boxes[:, low] + random.random(len(place)) * (boxes[:, high] - boxes[:, low])
        found[name] = pa.array(np.round(degrees, 6), mask=missing).cast(pa.string())
    return found


def _sentence(random: np.random.Generator, count: int, *, least: int, most: int) -> pa.Array:
    vocabulary = pa.array([f"{chr(97 + n % 26)}{n * 7919 % 50_000:x}{'aeiou'[n % 5]}" for n in range(50_000)])
    length = random.integers(least, most + 1, count)
    columns = []
    for position in range(most):
        word = vocabulary.take(pa.array((random.zipf(1.2, count) % 50_000).astype(np.int32)))
        columns.append(pc.if_else(pa.array(length > position), word, pa.scalar(None, pa.string())))
    return pc.binary_join_element_wise(*columns, " ", null_handling="skip")
