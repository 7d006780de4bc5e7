"""Answers for the reference tool, many questions in one process.

Reads one JSON list per line. The first word says what: "cli" and the words of a
command line of `model_signing`; or "pieces" / "blake2" and key, folder and
bundle, to sign with what the command line has no flag for. Writes one line for
each: `ok`, or `refused: ` and the last line of what the tool said.
"""

import contextlib
import io
import json
import logging
import pathlib
import sys

import click
import model_signing
from model_signing import _cli

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


def answer(what, *words):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            {"cli": cli, "pieces": pieces, "blake2": blake2}[what](*words)
    except SystemExit as end:
        if end.code not in (None, 0):
            return "refused: " + (said.getvalue().strip().splitlines() or ["?"])[-1]
    except click.ClickException as error:
        # A wrong command line would look like a refusal.
        raise SystemExit(f"wrong question {what} {words}: {error.format_message()}") from None
    except Exception as error:  # The tool ends with a trace for some bundles.
        return f"refused: {type(error).__name__}"
    return "ok"


for line in sys.stdin:
    print(answer(*json.loads(line)).replace("\n", " "), flush=True)
