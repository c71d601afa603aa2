"""The mask: shipped whole or refused, and every territory on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import iso3166
import numpy as np
import pytest
from territories import EXCLUDED

from resift.errors import ConfigError
from resift.policy import mask as masks
from resift.policy.mask import (
    COLUMNS,
    INSIDE,
    LAND,
    OUTSIDE,
    ROWS,
    SEA,
    cells_of,
    encode_mask,
    load_mask,
    mark,
    read_mask,
)

NAME = "borders-2026c"
SHIPPED = Path(masks.__file__).parent / "data"
ABOUT = {
    "mask": "small",
    "buffer_km": 5.0,
    "borders": "drawn by hand",
    "zones": "none",
    "licence": "CC0-1.0",
    "attribution": "nobody",
}


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped mask, to be spoilt."""
    for suffix in (".mask", ".json"):
        shutil.copy(SHIPPED / f"{NAME}{suffix}", tmp_path)
    return tmp_path / f"{NAME}.mask"


def kind_at(latitude, longitude, codes=EXCLUDED):
    cell = cells_of(np.array([latitude], dtype=float), np.array([longitude], dtype=float))
    return mark(load_mask(NAME), frozenset(codes)).cells[cell][0]


def write(folder, raster, sets):
    body, document = encode_mask(raster, sets, **ABOUT)
    (folder / "small.mask").write_bytes(body)
    (folder / "small.json").write_bytes(document.to_json())
    return folder / "small.mask"


def test_shipped_mask_is_small_and_carries_licence_and_attribution():
    about = load_mask(NAME).about

    assert about.size_bytes == (SHIPPED / f"{NAME}.mask").stat().st_size < 300_000
    assert about.licence == "ODbL-1.0"
    assert about.attribution == "© OpenStreetMap contributors"
    assert "Open Database License" in (SHIPPED / "LICENSE-ODbL-1.0.txt").read_text(encoding="utf-8")
    assert about.attribution in (SHIPPED / "ATTRIBUTION.md").read_text(encoding="utf-8")


def test_mask_of_one_other_byte_is_refused_with_both_digests(copy):
    body = bytearray(copy.read_bytes())
    body[len(body) // 2] ^= 1
    copy.write_bytes(body)

    with pytest.raises(ConfigError, match=r"has sha256 [0-9a-f]{64}, borders-2026c.json says [0-9a-f]{64}.*build-mask"):
        read_mask(copy)


def test_mask_cut_short_is_refused(copy):
    copy.write_bytes(copy.read_bytes()[:-1])

    with pytest.raises(ConfigError, match="has sha256"):
        read_mask(copy)


def test_mask_without_its_document_is_refused(copy):
    copy.with_suffix(".json").unlink()

    with pytest.raises(
        ConfigError, match=r"borders-2026c\.json is not beside it, expected the document that has its digest"
    ):
        read_mask(copy)


def test_mask_of_another_format_is_refused(copy):
    document = json.loads(copy.with_suffix(".json").read_text(encoding="utf-8"))
    copy.with_suffix(".json").write_text(json.dumps({**document, "format": 2}), encoding="utf-8")

    with pytest.raises(ConfigError, match="has format 2 and 20 cells a degree, expected 1 and 20"):
        read_mask(copy)


def test_unknown_mask_names_the_known_ones():
    with pytest.raises(ConfigError, match="mask borders-1999: not found, expected one of borders-2026c"):
        load_mask("borders-1999")


def test_what_is_encoded_is_what_is_read(tmp_path):
    raster = np.zeros((ROWS, COLUMNS), dtype=np.uint16)
    raster[10, 5:9] = 1
    raster[10, 9:12] = 2
    raster[11] = 1

    mask = read_mask(write(tmp_path, raster, [[], ["FR", LAND], ["FR", "CH"]]))

    assert mask.codes == {"FR", "CH"}
    marked = mark(mask, frozenset(["FR"]))
    assert (marked.cells.reshape(ROWS, COLUMNS) == np.where(raster > 0, INSIDE, SEA)).all()
    swiss = mark(mask, frozenset(["CH"])).cells.reshape(ROWS, COLUMNS)
    assert set(swiss[10, 5:9]) == {OUTSIDE}
    assert set(swiss[10, 9:12]) == {INSIDE}


def test_same_raster_gives_the_same_bytes(tmp_path):
    raster = np.zeros((ROWS, COLUMNS), dtype=np.uint16)
    raster[1000:1100, 2000:2500] = 1

    first, second = (encode_mask(raster, [[], ["FR", "CH", LAND][::turn]], **ABOUT) for turn in (1, -1))

    assert first == second


def test_mask_knows_every_country_and_one_territory_without_a_code_of_its_own():
    assert load_mask(NAME).codes == {country.alpha2 for country in iso3166.countries} - {"XK"} | {"CP"}


def test_codes_without_a_place_mark_nothing():
    marked = mark(load_mask(NAME), frozenset(["EU", "YU"]))

    assert not (marked.cells == INSIDE).any()


def test_codes_at_names_all_countries_near():
    mask = load_mask(NAME)

    assert mask.codes_at(47.559, 7.588) == {"CH", "DE", "FR"}  # Basel
    assert mask.codes_at(-37.8136, 144.9631) == {"AU"}
    assert mask.codes_at(0.0, -30.0) == frozenset()


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 0), (-90, 0), (90, 180), (-90, -180), (0, 180), (0, -180)])
def test_edges_of_the_globe_have_a_cell(latitude, longitude):
    assert kind_at(latitude, longitude) in (SEA, OUTSIDE)


def test_180_degrees_east_and_west_are_one_place():
    east, west = (cells_of(np.array([-16.8]), np.array([side])) for side in (180.0, -180.0))

    assert east == west
    assert load_mask(NAME).codes_at(-16.8, 180.0) == {"FJ"}


@pytest.mark.parametrize(
    ("code", "latitude", "longitude"),
    [
        ("CP", 10.30, -109.22),
        ("TF", -15.89, 54.52),  # Tromelin
        ("TF", -11.55, 47.33),  # Glorieuses
        ("TF", -49.35, 70.22),  # Kerguelen
        ("NO", 71.0, -8.5),  # Jan Mayen
        ("SJ", 78.22, 15.65),
        ("NC", -22.27, 166.44),
        ("PF", -17.54, -149.57),
        ("PF", -27.62, -144.34),  # Rapa
        ("WF", -13.28, -176.18),
        ("PM", 46.78, -56.18),
        ("BL", 17.90, -62.85),
        ("AX", 60.10, 19.94),
        ("YT", -12.78, 45.23),
        ("BV", -54.42, 3.36),
    ],
)
def test_far_territory_is_on_the_mask(code, latitude, longitude):
    assert code in load_mask(NAME).codes_at(latitude, longitude)
