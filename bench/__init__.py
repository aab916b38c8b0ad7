"""The benchmark of Hubbub: `python -m bench`, or `python -m bench NAME...` for single rows."""
