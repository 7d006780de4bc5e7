"""Answers for the reference tool, many questions in one process.

Reads one JSON list per line. The first word says what: "cli" and the words of a
command line of `model_signing`; or "pieces" / "blake2" and key, folder and
bundle, to sign with what the command line has no flag for; or "dsse", for an
envelope by `securesystemslib`. Writes one line for each: `ok`, or `refused: `
and the last line of what the tool said, or JSON.
"""

import contextlib
import io
import json
import logging
import pathlib
import sys

import click
import model_signing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from model_signing import _cli
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner

logging.disable(logging.CRITICAL)


def cli(*words):
    _cli.main(list(words), standalone_mode=False)


def sign(hashing, key, model, bundle):
    hashing = hashing.set_ignored_paths(paths=[pathlib.Path(bundle)], ignore_git_paths=True)
    signing = model_signing.signing.Config().use_elliptic_key_signer(private_key=pathlib.Path(key))
    signing.set_hashing_config(hashing).sign(pathlib.Path(model), pathlib.Path(bundle))


def pieces(*paths):
    sign(model_signing.hashing.Config().use_shard_serialization(shard_size=4), *paths)


def blake2(*paths):
    sign(model_signing.hashing.Config().use_file_serialization(hashing_algorithm="blake2"), *paths)


def dsse():
    """Three keys, an envelope by the first two, and which thresholds it meets."""
    signers = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ed25519()]
    envelope = Envelope(b'{"words": 1}', "application/x-test", {})
    for signer in signers[:2]:
        envelope.sign(signer)
    keys = [signer.public_key for signer in signers]
    met = []
    for threshold in range(4):
        try:
            met.append(len(envelope.verify(keys, threshold)) == threshold)
        except (ValueError, VerificationError):
            met.append(False)
    pems = []
    for key in keys:
        public = key.keyval["public"]
        if key.keytype == "ed25519":
            point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
            public = point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        pems.append(public)
    return json.dumps({"keys": pems, "envelope": json.dumps(envelope.to_dict()), "met": met})


def answer(what, *words):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            told = {"cli": cli, "pieces": pieces, "blake2": blake2, "dsse": dsse}[what](*words)
    except SystemExit as end:
        if end.code not in (None, 0):
            return "refused: " + (said.getvalue().strip().splitlines() or ["?"])[-1]
    except click.ClickException as error:
        # A wrong command line would look like a refusal.
        raise SystemExit(f"wrong question {what} {words}: {error.format_message()}") from None
    except Exception as error:  # The tool ends with a trace for some bundles.
        return f"refused: {type(error).__name__}"
    else:
        if told is not None:
            return told
    return "ok"


for line in sys.stdin:
    print(answer(*json.loads(line)).replace("\n", " "), flush=True)
