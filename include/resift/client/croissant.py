"""Describe a version in Croissant 1.1 (MLCommons, 2025): files with their digests, and the type of every column."""

from __future__ import annotations

import json
from typing import Any

from resift.client.citation import cite_bibtex
from resift.model.manifest import Column, Manifest

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification fixes."""

_TYPES = {"int": "sc:Integer", "uint": "sc:Integer", "float": "sc:Float", "double": "sc:Float", "bool": "sc:Boolean"}

RECORDS = "images"


def describe_croissant(manifest: Manifest) -> bytes:
    """Return ``croissant.json`` of a version. It is a function of the manifest, and names files relative to itself."""
    m = manifest
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": m.dataset,
        "description": (
            f"A random sample of {m.rows:,} records about public images, drawn from about "
            f"{m.draw.eligible_estimate:,.0f} eligible ones by permanent random numbers, with an inclusion probability "
            f"of {m.draw.inclusion_probability:.6g}. The first m rows are themselves a random sample of size m."
        ),
        "version": f"{m.version}.{m.revision}",
        "datePublished": f"{m.published_at:%Y-%m-%d}",
        "dateModified": f"{m.revised_at or m.published_at:%Y-%m-%d}",
        "identifier": f"sha256:{m.content_digest}",
        "citeAs": cite_bibtex(m),
        "isLiveDataset": False,
        "rai:dataCollection": (
            f"Sequential simple random sampling over permanent random numbers, cycle {m.draw.cycle}, as of "
            f"{m.as_of:%Y-%m-%d}; deletions, suppressions and the policy {m.policy.policy} {m.policy.version} as known "
            f"at {m.known_at:%Y-%m-%d}."
        ),
        "distribution": [
            *(
                {
                    "@type": "cr:FileObject",
                    "@id": part.path,
                    "name": part.path.rpartition("/")[2],
                    "contentUrl": part.path,
                    "contentSize": f"{part.size_bytes} B",
                    "encodingFormat": "application/x-parquet",
                    "sha256": part.sha256,
                }
                for part in m.parts
            ),
            {
                "@type": "cr:FileSet",
                "@id": "parts",
                "name": "parts",
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": RECORDS,
                "name": RECORDS,
                "description": "One record an image, in the order of the permanent random numbers.",
                "key": {"@id": f"{RECORDS}/image_id"},
                "field": [_field(column) for column in m.columns],
            }
        ],
    }
    return json.dumps(described, indent=2, ensure_ascii=False).encode() + b"\n"


def _field(column: Column) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{column.name}",
        "name": column.name,
        "dataType": _type(column),
        "source": {"fileSet": {"@id": "parts"}, "extract": {"column": column.name}},
    }


def _type(column: Column) -> str:
    if column.type.startswith("timestamp"):
        return "sc:DateTime"
    if column.name == "url":
        return "sc:URL"
    return _TYPES.get(column.type.rstrip("0123456789"), "sc:Text")
