"""Building the mask: every cell with a point within the buffer, and no cell that is farther."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest

from resift.policy.mask import COLUMNS, LAND, ROWS

TOOL = Path(__file__).parents[2] / "tools" / "build-mask"


def load_tool():
    loader = SourceFileLoader("build_mask", str(TOOL))
    module = module_from_spec(spec_from_loader("build_mask", loader))
    loader.exec_module(module)
    return module


TOOL_MODULE = load_tool()


def box(west, south, east, north):
    return np.array([[west, east, east, west], [south, south, north, north]], dtype=float)


def drawn(*polygons):
    """Cells near and cells of a country, on the whole globe."""
    first, near, own = TOOL_MODULE.draw_country([list(polygon) for polygon in polygons])
    whole = np.zeros((2, ROWS, COLUMNS), dtype=bool)
    whole[:, first : first + len(near)] = near, own
    return whole


def km_to_box(west, south, east, north):
    """For each cell the distance of its nearest point to a box, on the plain of the latitude nearer to a pole."""
    rows, columns = np.arange(ROWS) / 20 - 90, np.arange(COLUMNS) / 20 - 180
    up = np.maximum(np.maximum(south - rows - 0.05, rows - north), 0)[:, None]
    aside = np.maximum(np.maximum(west - columns - 0.05, columns - east), 0)[None, :]
    return np.hypot(up, aside * np.cos(np.radians(north))) * 110.5


@pytest.mark.parametrize("south", [0.02, 50.02, 70.02, -55.03])
def test_cells_within_the_buffer_are_near_and_no_others(south):
    near, _ = drawn([box(10.03, south, 10.28, south + 0.21)])
    distance = km_to_box(10.03, south, 10.28, south + 0.21)

    assert near[distance < 4.95].all()
    assert not near[distance > 5.05].any()


def test_cells_of_a_country_are_those_it_has_a_part_of():
    _, own = drawn([box(10.03, 50.02, 10.28, 50.23)])

    assert own.sum() == 5 * 6  # from column 10.00 up to 10.25, from row 50.00 up to 50.20
    assert own[(50 + 90) * 20, (10 + 180) * 20]


def test_hole_is_not_of_the_country_but_near_its_rim():
    near, own = drawn([box(10, 50, 12, 52), box(10.52, 50.52, 11.48, 51.48)])
    middle = (((51 + 90) * 20), ((11 + 180) * 20))

    assert own[int(140.2 * 20), int(190.2 * 20)]
    assert not near[middle]
    assert near[int(140.57 * 20), middle[1]]


def test_polygons_of_a_country_that_overlap_stay_whole():
    _, own = drawn([box(10, 50, 12, 52)], [box(11, 51, 13, 53)])

    assert own[int(141.5 * 20), int(191.5 * 20)]


def test_buffer_reaches_over_the_antimeridian():
    near, own = drawn([box(179.5, -17, 180, -16)])
    row = int((90 - 16.5) * 20)

    assert near[row, 0]
    assert not near[row, 2]
    assert not own[row, 1]


def test_cell_that_two_countries_claim_has_both():
    raster, sets = TOOL_MODULE.draw(
        {
            code: TOOL_MODULE.draw_country([[square]])
            for code, square in (("HR", box(18.5, 45, 19.5, 46)), ("RS", box(18, 45, 19, 46)))
        },
        buffered=True,
    )

    assert sets[raster[int(135.5 * 20), int(198.7 * 20)]] == ("HR", "RS", LAND)
    assert sets[raster[int(135.5 * 20), int(198.2 * 20)]] == ("RS", LAND)
    assert sets[raster[0, 0]] == ()
