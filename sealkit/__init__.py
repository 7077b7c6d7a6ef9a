"""Secured fields in text records: find, open, seal, verify and rotate them, byte-exactly."""

__version__ = "0.1.0"
