"""What git asks of sealkit: readable diffs, merges of payloads, hooks."""
