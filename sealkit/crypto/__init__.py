"""The ground floor: the blob's grammar, and the hazardous primitives under it."""
