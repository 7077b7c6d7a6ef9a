"""Peer: what a key holder writes in an afternoon: PyYAML's C loader and cryptography, one file after the other.

``plain_script.py FOLDER HEXKEY`` prints payloads as JSON lines; with ``verify`` as third argument it encrypts again and compares.
"""

import base64
import json
import os
import sys

import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

folder, key, verify = sys.argv[1], bytes.fromhex(sys.argv[2]), len(sys.argv) > 3

for top, _, names in os.walk(folder):
    for name in names:
        path = os.path.join(top, name)
        with open(path, encoding="utf-8") as file:
            front = file.read().split("---\n")[1]
        ciphertext, iv = map(base64.b64decode, yaml.load(front, Loader=yaml.CSafeLoader)["secured"].split(";"))
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        unpadder = PKCS7(128).unpadder()
        payload = unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
        if verify:
            padder = PKCS7(128).padder()
            encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
            again = encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()
            if again != ciphertext:
                sys.exit(path)
        else:
            print(json.dumps({"path": path, "payload": payload.decode()}))
