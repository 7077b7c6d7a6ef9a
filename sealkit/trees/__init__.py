"""Trees of records on disk: which files are records, how they are read, locked and replaced, and jobs over many of them."""
