"""Hubbub: one community server, many protocols."""

__version__ = "0.1.0"
