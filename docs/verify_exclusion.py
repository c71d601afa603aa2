#!/usr/bin/env python3
"""Prove that no item of a snapshot has evidence of an excluded place, or list the items that have.

    python docs/verify_exclusion.py SNAPSHOT POOL POLICY.yaml [--day DATE]...

SNAPSHOT is the folder of a version, POOL that of its pool, POLICY the file its manifest names, with `data/` beside it.
Uses no code of resift: every published item is looked up in the pool's runs, and its evidence as of the version, as
known then and newest is read anew. Prints a line for each item that should not be there.
Exit code 0: there is none, 1: there are some, 2: something cannot be read. Engineering, not legal advice.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import lzma
import math
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

EVIDENCE = ["owner_country", "upload_country", "subdivision", "lat", "lon", "url"]
ISO = """
    ADAND020 AEARE784 AFAFG004 AGATG028 AIAIA660 ALALB008 AMARM051 AOAGO024 AQATA010 ARARG032 ASASM016 ATAUT040 AUAUS036
    AWABW533 AXALA248 AZAZE031 BABIH070 BBBRB052 BDBGD050 BEBEL056 BFBFA854 BGBGR100 BHBHR048 BIBDI108 BJBEN204 BLBLM652
    BMBMU060 BNBRN096 BOBOL068 BQBES535 BRBRA076 BSBHS044 BTBTN064 BVBVT074 BWBWA072 BYBLR112 BZBLZ084 CACAN124 CCCCK166
    CDCOD180 CFCAF140 CGCOG178 CHCHE756 CICIV384 CKCOK184 CLCHL152 CMCMR120 CNCHN156 COCOL170 CRCRI188 CUCUB192 CVCPV132
    CWCUW531 CXCXR162 CYCYP196 CZCZE203 DEDEU276 DJDJI262 DKDNK208 DMDMA212 DODOM214 DZDZA012 ECECU218 EEEST233 EGEGY818
    EHESH732 ERERI232 ESESP724 ETETH231 FIFIN246 FJFJI242 FKFLK238 FMFSM583 FOFRO234 FRFRA250 GAGAB266 GBGBR826 GDGRD308
    GEGEO268 GFGUF254 GGGGY831 GHGHA288 GIGIB292 GLGRL304 GMGMB270 GNGIN324 GPGLP312 GQGNQ226 GRGRC300 GSSGS239 GTGTM320
    GUGUM316 GWGNB624 GYGUY328 HKHKG344 HMHMD334 HNHND340 HRHRV191 HTHTI332 HUHUN348 IDIDN360 IEIRL372 ILISR376 IMIMN833
    ININD356 IOIOT086 IQIRQ368 IRIRN364 ISISL352 ITITA380 JEJEY832 JMJAM388 JOJOR400 JPJPN392 KEKEN404 KGKGZ417 KHKHM116
    KIKIR296 KMCOM174 KNKNA659 KPPRK408 KRKOR410 KWKWT414 KYCYM136 KZKAZ398 LALAO418 LBLBN422 LCLCA662 LILIE438 LKLKA144
    LRLBR430 LSLSO426 LTLTU440 LULUX442 LVLVA428 LYLBY434 MAMAR504 MCMCO492 MDMDA498 MEMNE499 MFMAF663 MGMDG450 MHMHL584
    MKMKD807 MLMLI466 MMMMR104 MNMNG496 MOMAC446 MPMNP580 MQMTQ474 MRMRT478 MSMSR500 MTMLT470 MUMUS480 MVMDV462 MWMWI454
    MXMEX484 MYMYS458 MZMOZ508 NANAM516 NCNCL540 NENER562 NFNFK574 NGNGA566 NINIC558 NLNLD528 NONOR578 NPNPL524 NRNRU520
    NUNIU570 NZNZL554 OMOMN512 PAPAN591 PEPER604 PFPYF258 PGPNG598 PHPHL608 PKPAK586 PLPOL616 PMSPM666 PNPCN612 PRPRI630
    PSPSE275 PTPRT620 PWPLW585 PYPRY600 QAQAT634 REREU638 ROROU642 RSSRB688 RURUS643 RWRWA646 SASAU682 SBSLB090 SCSYC690
    SDSDN729 SESWE752 SGSGP702 SHSHN654 SISVN705 SJSJM744 SKSVK703 SLSLE694 SMSMR674 SNSEN686 SOSOM706 SRSUR740 SSSSD728
    STSTP678 SVSLV222 SXSXM534 SYSYR760 SZSWZ748 TCTCA796 TDTCD148 TFATF260 TGTGO768 THTHA764 TJTJK762 TKTKL772 TLTLS626
    TMTKM795 TNTUN788 TOTON776 TRTUR792 TTTTO780 TVTUV798 TWTWN158 TZTZA834 UAUKR804 UGUGA800 UMUMI581 USUSA840 UYURY858
    UZUZB860 VAVAT336 VCVCT670 VEVEN862 VGVGB092 VIVIR850 VNVNM704 VUVUT548 WFWLF876 WSWSM882 XKXKX983 YEYEM887 YTMYT175
    ZAZAF710 ZMZMB894 ZWZWE716
"""
"""ISO 3166-1 and Kosovo: alpha-2, alpha-3 and number of each country, written together."""
CELLS = 20  # a degree, in the mask


def read_policy(path: Path) -> dict:
    """Read a policy and add it to the one it extends: lists grow, tables take further keys."""
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "extends" not in own:
        return own
    base = read_policy(path.parent / f"{own['extends']}.yaml")
    for key, value in own.items():
        if key == "rules":
            value = [rule for rule in base["rules"] if rule["id"] not in {new["id"] for new in value}] + value
        elif isinstance(value, list):
            value = base.get(key, []) + value
        elif isinstance(value, dict):
            value = base.get(key, {}) | value
        base[key] = value
    return base


def excluded(policy: dict, rules: list[dict], days: list[datetime.date]) -> set[str]:
    """Return the codes these rules exclude on any of the days."""
    pairs = {(group, name) for rule in rules for group in rule["jurisdictions"] for name in rule["classes"]}
    first, last = datetime.date.min, datetime.date.max
    codes = {
        place["code"]
        for place in policy["territories"]
        if (place["group"], place["class"]) in pairs
        and any(place.get("from", first) <= day < place.get("to", last) for day in days)
    }
    known = [place["code"] for place in policy["territories"]] + policy["outside"]
    return codes | {code for code in known if code[2:] and code[:2] in codes}


def shown(text: str) -> str:
    """Return a text without what cannot be seen, flags as letters."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return "".join(chr(65 + ord(s) - 0x1F1E6) if 0x1F1E6 <= ord(s) <= 0x1F1FF else s for s in seen).strip()


def plain(text: str) -> str:
    """Return a name without case and marks."""
    return re.sub(r"[\s.,;:'’‘`´\"()\[\]_/\-‐‑–—]+", " ", unicodedata.normalize("NFC", shown(text).casefold())).strip()


@functools.cache
def read_names(path: Path) -> dict[str, list[str]]:
    """Return the codes each name may mean."""
    return {name: codes.split() for name, codes in json.loads(lzma.decompress(path.read_bytes())).items()}


@functools.cache
def read_mask(path: Path) -> tuple[list[set[str]], np.ndarray]:
    """Return sets of countries, and the number of the set of each cell: rows from the south, columns from the west."""
    head, _, rest = lzma.decompress(path.read_bytes()).partition(b"\n")
    lengths, numbers = np.frombuffer(rest, dtype="<u2").reshape(2, -1)
    return [set(codes) for codes in json.loads(head)], np.repeat(numbers, lengths).reshape(180 * CELLS, 360 * CELLS)


class Reader:
    """Reads the evidence of one item on some days."""

    def __init__(self, policy: dict, folder: Path, days: list[datetime.date]) -> None:
        self.policy, self.fields = policy, policy["evidence"]["sufficient"] + policy["evidence"]["exclude_only"]
        always = [rule for rule in policy["rules"] if not rule.get("when")]
        self.layers = [(None, excluded(policy, always, days))]
        self.layers += [(rule["when"], excluded(policy, [rule], days)) for rule in policy["rules"] if rule.get("when")]
        self.iso = {form: word[:2] for word in ISO.split() for form in (word[:2], word[2:5], word[5:])}
        listed = {plain(token): codes for token, codes in policy["aliases"].items()}
        self.names = read_names(folder / policy["pins"]["names"]["file"]) | {
            name: [codes] if isinstance(codes, str) else codes for name, codes in listed.items()
        }
        self.own = {place["code"] for place in policy["territories"]} | set(policy["outside"])
        zones = policy["pins"].get("zones")
        self.zones = json.loads((folder / zones["file"]).read_text(encoding="utf-8")) if zones else {}
        self.sets, self.cells = read_mask(folder / f"{policy['pins']['mask']['file']}.mask")

    def country(self, text: str, field: str) -> tuple[str, ...] | None:
        """Return the codes a text may mean: none where it says nothing, None where it cannot be read."""
        word = shown(text)
        if word.lower() in self.policy["placeholders"]:
            return ()
        code, system = word.upper() if word.isascii() else "", self.policy["code_systems"].get(field, "iso3166")
        if system != "iso3166":
            found = self.policy["code_tables"][system].get(code) or (len(word) > 3 and self.names.get(plain(word)))
            return ((found,) if isinstance(found, str) else tuple(found)) if found else None
        if code in self.iso:
            return (self.iso[code],)
        if plain(word) not in self.names and len(code) == 2 and code in self.own:
            return (code,)
        return tuple(self.names.get(plain(word), ())) or None

    def subdivision(self, text: str, owner: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, str]:
        """Return the codes a part of a country may mean, and its code where it counts as a place of its own."""
        code = shown(text).upper()
        if code.lower() in self.policy["placeholders"]:
            return (), ""
        if re.fullmatch("[A-Z0-9]{1,3}", code) and owner and len(owner) == 1:
            code = f"{owner[0][:2]}-{code}"
        if own := self.policy["subdivisions"].get(code):
            return ((own,) if isinstance(own, str) else tuple(own)), code[:2]
        if not re.fullmatch("[A-Z]{2}-[A-Z0-9]{1,3}", code) or code[:2] not in self.iso:
            return None, ""
        return ((code,) if code in self.own else (code[:2],)), ""

    def weak(self, field: str, text: str) -> set[str]:
        """Return the codes a time zone, a locale or a free text may mean; none where it cannot be read."""
        word = shown(text)
        if field == "time_zone":
            return set(self.zones.get(word.lower(), "").split())
        if field == "locale":
            found = re.match(r"[a-z]{2,3}(?:[-_][a-z]{4})?[-_]([a-z]{2}|\d{3})(?:[-_.@]|$)", word, re.IGNORECASE)
            return {self.iso[found[1].upper()]} if found and found[1].upper() in self.iso else set()
        last = word.rpartition(",")[2]
        return set() if len(plain(last)) <= 3 and last.isascii() else set(self.names.get(plain(last), ()))

    def host(self, url: str, codes: set[str]) -> bool:
        """Whether the last label of a host is evidence."""
        authority = re.match(r"(?:[a-z][a-z0-9+.-]*:(?!\d))?[/\\]*([^/?#\\]*)", shown(url), re.IGNORECASE)[1]
        authority = authority.rpartition("@")[2].lower().replace("。", ".").strip()
        for piece in re.split(r"[\x00-\x20!\"#$&'()*+,:;<=>?\[\\\]^`{|}]", authority):  # x.fr;a=1
            host = piece.rstrip(".")
            if "." not in host or any(f".{host}".endswith(f".{name}") for name in self.policy["neutral_hosts"]):
                continue
            label = host.rpartition(".")[2]
            if self.policy["tlds"].get(label, label.upper() if len(label) == 2 else "") in codes:
                return True
        return False

    def near(self, lat: float, lon: float, codes: set[str], km: float = 0) -> bool:
        """Whether a cell of one of these codes is within some km of a point; cells have the buffer already."""
        for row in range(math.floor((lat - km / 110.5 + 90) * CELLS), math.floor((lat + km / 110.5 + 90) * CELLS) + 1):
            south = row / CELLS - 90
            off = max(south - lat, lat - south - 1 / CELLS, 0) * 110.5
            if not 0 <= row < 180 * CELLS or off > km + 1e-8:
                continue
            half = math.sqrt(max(km**2 - off**2, 0)) / (110.5 * max(math.cos(math.radians(lat)), 1e-6)) + 1e-9
            first, last = (math.floor((lon + side + 180) * CELLS) for side in (-half, half))
            columns = np.arange(first, min(last, first + 360 * CELLS) + 1) % (360 * CELLS)
            if any(self.sets[int(number)] & codes for number in np.unique(self.cells[row][columns])):
                return True
        return False

    def point(self, lat: str | None, lon: str | None, codes: set[str]) -> str:
        """Return "inside" or "unreadable", or nothing, for coordinates."""
        texts = [shown(axis or "").replace("−", "-").replace("–", "-").removeprefix("+") for axis in (lat, lon)]
        texts = [text for text in texts if not re.fullmatch("-?(nan|inf|infinity)", text.lower())]
        elsewhere = [text for text in texts if text.lower() not in self.policy["placeholders"]]
        texts = [re.sub(r"^(-?\d{1,3}),(\d+)$", r"\1.\2", text) for text in elsewhere]
        if not all(re.fullmatch(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) for text in texts):
            return "unreadable"
        values = [value for value in map(float, texts) if math.isfinite(value)]
        if len(values) < 2:
            return "unreadable" if values else ""
        north, east = values
        if abs(north) < 0.01 and abs(east) < 0.01:
            return ""
        tries, turned = [(north, east)], [(east, north), (north, -east), (-north, east), (north, east - 360)]
        if abs(north) > 90 or abs(east) > 180 or "land" not in self.sets[self.cell(north, east)]:
            tries += turned
        for one, two in tries:
            if abs(one) > 90 or abs(two) > 180 or (abs(one) < 0.01 and abs(two) < 0.01):
                continue
            if self.near(one, two, codes):
                return "inside"
            for digits in (0, 1):  # of the coarser axis: rounded so, the place may lie half a unit away on both
                if min(abs(x * 10**digits - round(x * 10**digits)) for x in (one, two)) < 1e-8 * 10**digits:
                    km = 0.5 * 10.0**-digits * 2**0.5 * 111.7 - self.policy["gps"]["buffer_km"]
                    if self.near(round(one, digits), round(two, digits), codes, max(km, 0)):
                        return "inside"
        return ""

    def cell(self, lat: float, lon: float) -> int:
        """Return the number of the set of a point's cell."""
        return int(self.cells[min(int((lat + 90) * CELLS), 180 * CELLS - 1), int((lon + 180) * CELLS) % (360 * CELLS)])

    def reasons(self, row: dict) -> list[str]:
        """Return why a row should not be in the snapshot."""
        found, outside = [], 0
        for when, codes in self.layers:
            if when:
                value = row.get(when["field"])
                missing = value is None or value != value
                if not (when["or_missing"] if missing else str(value).strip().lower() == str(when["equals"]).lower()):
                    continue
            owner = self.country(row["owner_country"] or "", "owner_country")
            part, of = self.subdivision(row["subdivision"] or "", owner) if "subdivision" in self.fields else ((), "")
            if of and owner and len(owner) == 1 and owner[0] == of:
                owner = part
            upload = self.country(row["upload_country"] or "", "upload_country")
            for field, means in (("owner_country", owner), ("upload_country", upload), ("subdivision", part)):
                if field not in self.fields:
                    continue
                bad = codes.intersection(means or ())
                if means is None and self.policy["on_unresolved"] == "exclude":
                    found.append(f"unreadable {field} {row[field]!r}")
                elif bad and (bad == set(means) or self.policy["on_ambiguous"] == "exclude"):
                    found.append(f"{field} {row[field]!r} is {' or '.join(means)}")
                outside += bool(means) and not when and not bad and field in self.policy["evidence"]["sufficient"]
            for field, column in self.policy.get("carried", {}).items():
                means = self.weak(field, str(row.get(column) or ""))
                if (bad := codes & means) and (bad == means or self.policy["on_ambiguous"] == "exclude"):
                    found.append(f"{field} {row[column]!r} may be {' or '.join(sorted(bad))}")
            if "url" in self.fields and self.host(row["url"] or "", codes):
                found.append(f"url {row['url']}")
            place = self.point(row["lat"], row["lon"], codes) if "gps" in self.fields else ""
            if place == "inside" or (place == "unreadable" and self.policy["gps"]["on_unreadable"] == "exclude"):
                found.append(f"coordinates {row['lat']}, {row['lon']} {place}")
        if outside < self.policy["evidence"]["minimum"] and self.policy["on_no_evidence"] == "exclude" and not found:
            found.append("no evidence")
        return list(dict.fromkeys(found))


def runs(pool: Path) -> list[Path]:
    """Return the runs the pool consists of: those the latest compaction wrote, and those delivered since."""
    compactions = sorted(pool.glob("compactions/*.json"))
    latest = json.loads(compactions[-1].read_text(encoding="utf-8")) if compactions else {}
    entries = [run for layer in latest.get("layers", []) for run in layer["runs"]]
    for drop in sorted(pool.glob("drops/*.json")):
        files = json.loads(drop.read_text(encoding="utf-8"))["files"]
        entries += [file["run"] for file in files if file["run"]]
    merged = set(latest.get("merged_runs", []))
    return [pool / run["key"].split("/", 2)[2] for run in entries if run["sha256"] not in merged]


def speaking(rows: pd.DataFrame, instants: list[datetime.datetime]) -> pd.DataFrame:
    """Return the last observations of each item up to each instant, and the newest of all."""
    chosen = []
    for instant in [*instants, None]:
        some = rows if instant is None else rows[rows["observed_at"] <= instant]
        chosen.append(some[some["observed_at"] == some.groupby("image_id")["observed_at"].transform("max")])
    return pd.concat(chosen).drop_duplicates()


def read(given: argparse.Namespace) -> tuple[dict, dict, list[str], pd.DataFrame]:
    """Return manifest, policy, the ids published, and all the pool has observed of them."""
    manifest = json.loads((given.snapshot / "manifest.json").read_text(encoding="utf-8"))
    policy = read_policy(given.policy)
    parts = [pq.read_table(given.snapshot / part["path"], columns=["image_id"]) for part in manifest["parts"]]
    ids = pa.concat_tables(parts)["image_id"].combine_chunks()
    names = [
        "image_id",
        "observed_at",
        *EVIDENCE,
        *(rule["when"]["field"] for rule in policy["rules"] if rule.get("when")),
        *policy.get("carried", {}).values(),
    ]
    tables = []
    for path in runs(given.pool):
        table = pq.read_table(path, columns=[name for name in names if name in pq.read_schema(path).names])
        tables.append(table.filter(pc.is_in(table["image_id"], value_set=ids)))
    return manifest, policy, ids.to_pylist(), pa.concat_tables(tables, promote_options="permissive").to_pandas()


def main() -> int:
    """Look at every item."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("snapshot", "pool", "policy"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--day", type=datetime.date.fromisoformat, action="append", default=[], help="a further day")
    given = parser.parse_args()
    try:
        manifest, policy, ids, rows = read(given)
        then, known = (datetime.datetime.fromisoformat(manifest[name]) for name in ("as_of", "known_at"))
        reader = Reader(policy, given.policy.parent / "data", [then.date(), known.date(), *given.day])
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        mend = "Give the folders of a version and of its pool, and the file of its policy."
        print(
            f"verify_exclusion: {type(error).__name__}: {error}, expected files that can be read. {mend}",
            file=sys.stderr,
        )
        return 2
    found = {image_id: ["no observation in the pool"] for image_id in sorted(set(ids) - set(rows["image_id"]))}
    judged = speaking(rows, [then, known]).astype(object)
    for row in judged.where(judged.notna(), None).to_dict("records"):
        if reasons := reader.reasons(row):
            found[row["image_id"]] = list(dict.fromkeys(found.get(row["image_id"], []) + reasons))
    for image_id, reasons in found.items():
        print(f"{image_id}: {'; '.join(reasons)}")
    what = "{dataset} {version}.{revision}".format(**manifest) + ", policy {policy} {version}".format(**policy)
    bad = f"{len(found):,} of {len(ids):,} items should not be there"
    print(f"{what}: {bad if found else f'none of {len(ids):,} items has evidence of an excluded place'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
