"""The exclusion policy: evidence in, verdict with reason out."""
