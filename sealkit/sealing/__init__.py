"""The one judge: what of a blob is proved, what of it may be opened, and as what it may be sealed again."""
