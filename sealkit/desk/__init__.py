"""The key holder's desk: scratch folders in memory, and the editor."""
