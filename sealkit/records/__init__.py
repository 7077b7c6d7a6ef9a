"""Records: text files with a field in them, found by parsing and changed by splicing."""
