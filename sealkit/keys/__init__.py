"""Keys and rings as opaque values.

``key`` holds one key, ``access`` says what a source of key bytes is, ``encodings`` and ``files`` how bytes are written and read,
``sources`` which kinds of sources there are, each in a module of its own. ``ringfile`` reads the text of a ring file, ``ringedit`` changes
it, ``ring`` is the ring that a sealer works with, ``ringstore`` writes ring files, ``checkup`` looks at one key by key, ``process`` guards the process before keys are read. A room
imports only from those named before it.
"""
