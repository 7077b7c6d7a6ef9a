"""Keys and rings as opaque values.

``key`` holds one key, ``sources`` says where key bytes come from, ``ringfile`` reads and edits the text of a ring file, ``ring`` is
the ring that a sealer works with, ``ringstore`` writes ring files, ``process`` guards the process before keys are read. A room
imports only from those named before it.
"""
