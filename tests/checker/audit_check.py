#!/usr/bin/env python3
"""Checks an audit log of skill-trust, format 1.

Written from docs/audit-log.md and from nothing else. Needs Python 3.8 or later
and no packages.

    audit_check.py LOG... [--checkpoint FILE --key VKEY] [--head SIZE:ROOT]
    audit_check.py --batch LIST
    audit_check.py --self-test

Several LOGs are the segments of one log, oldest first. Exit code: 0 nothing is
bad, 5 something is, 2 wrong usage.

LIST has one JSON object per line: {"logs": [FILE...], "head": TEXT,
"checkpoint": FILE, "key": VKEY}, all but "logs" optional. One JSON object per
line comes back: {"ok": true, ...} or {"ok": false, "line": N, "fault": WORD,
"reason": TEXT}.
"""

import argparse
import base64
import binascii
import calendar
import hashlib
import json
import re
import sys

LINE_MAX = 16384
NOTE_MAX = 262144
SIGNATURES_MAX = 100
INTEGER_END = 1 << 53
ZEROS = "0" * 64


class Bad(Exception):
    """A fault: line number (0 for none), word, reason."""

    def __init__(self, line, fault, reason):
        super().__init__(reason)
        self.line, self.fault, self.reason = line, fault, reason


# --- canonical JSON -----------------------------------------------------------


def _pairs(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name stands twice")
    return out


def _constant(text):
    raise ValueError("%s is no value here" % text)


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
SPECIAL = re.compile(r'["\\\x00-\x1f]')


def _string(text):
    return '"%s"' % SPECIAL.sub(lambda m: SHORT.get(m.group()) or "\\u%04x" % ord(m.group()), text)


def write(value):
    """The canonical form. Refuses values that have none."""
    kind = type(value)
    if kind is str:
        return _string(value)
    if kind is int:
        if not 0 <= value < INTEGER_END:
            raise ValueError("an integer out of range")
        return str(value)
    if kind is list:
        return "[%s]" % ",".join(map(write, value))
    if kind is dict:
        return "{%s}" % ",".join("%s:%s" % (_string(k), write(value[k])) for k in sorted(value))
    raise ValueError("a value that is no object, list, string or integer")


def read(text):
    """Parses one line and checks that it is canonical."""
    value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    if write(value) != text:
        raise ValueError("not in canonical form")
    return value


# --- types of fields ----------------------------------------------------------


def matches(pattern):
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: type(value) is str and compiled.fullmatch(value) is not None


def string(value):
    return type(value) is str


def integer(value):
    return type(value) is int


def one_of(*words):
    return lambda value: type(value) is str and value in words


word = matches(r"[a-z][a-z0-9-]*")
digest = matches(r"sha256:[0-9a-f]{64}")
hash_text = matches(r"[0-9a-f]{64}")
octal = matches(r"[0-7]+")
_name = matches(r"[a-z0-9]+(-[a-z0-9]+)*")
_time = matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def name(value):
    return _name(value) and len(value) <= 64


def time(value):
    if not _time(value):
        return False
    year, month, day = int(value[:4]), int(value[5:7]), int(value[8:10])
    hour, minute, second = int(value[11:13]), int(value[14:16]), int(value[17:19])
    if year < 1 or not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return False
    return 1 <= day <= calendar.monthrange(year, month)[1]


def objects(fields, optional=()):
    """An object with exactly these fields, some of which may be left out."""

    def check(value):
        if type(value) is not dict or not set(fields) >= set(value):
            return False
        if any(field not in value for field in fields if field not in optional):
            return False
        return all(fields[field](value[field]) for field in value)

    return check


def filled(member):
    """A list that is left out when empty."""
    return lambda value: type(value) is list and len(value) > 0 and all(map(member, value))


DIFFERENCES = {
    "added": {"path": string},
    "removed": {"path": string},
    "content": {"now": digest, "path": string, "was": digest},
    "mode": {"now": octal, "path": string, "was": octal},
    "refused": {"path": string, "rule": string},
    "missing": {"path": string},
    "digest-only": {"now": digest, "was": digest},
}
DIFFERENCE = {kind: objects(dict(fields, kind=string)) for kind, fields in DIFFERENCES.items()}


def difference(value):
    kind = value.get("kind") if type(value) is dict else None
    return type(kind) is str and kind in DIFFERENCE and DIFFERENCE[kind](value)


ALWAYS = {
    "actor": objects({"uid": lambda v: integer(v) and v < 1 << 32, "user": string, "via": word}),
    "codes": lambda v: type(v) is list and all(map(word, v)),
    "decision": one_of("allow", "deny", "done", "refused"),
    "epoch": integer,
    "event": word,
    "format": integer,
    "prev": hash_text,
    "reason": string,
    "seq": integer,
    "state": hash_text,
    "time": time,
    "version": string,
}
SOMETIMES = {
    "differences": filled(difference),
    "digest": digest,
    "found": digest,
    "hold": string,
    "note": string,
    "pin": integer,
    "placements": filled(objects({"agent": word, "path": string, "staged": string}, ["agent"])),
    "policy": digest,
    "set": digest,
    "skill": name,
    "source": objects(
        {
            "commit": string,
            "kind": one_of("adopted", "archive", "git", "folder"),
            "location": string,
            "path": string,
            "reference": string,
        },
        ["commit", "path", "reference"],
    ),
    "until": time,
}
FIELDS = dict(ALWAYS, **SOMETIMES)


def check_fields(record):
    """The first thing wrong with a record taken alone: (fault, reason) or None."""
    if type(record) is not dict:
        return "field", "not an object"
    if "format" not in record:
        return "field", "`format` is missing"
    if record["format"] != 1:
        return "format", "format %r, not 1" % (record["format"],)
    for field in ALWAYS:
        if field not in record:
            return "field", "`%s` is missing" % field
    for field, value in record.items():
        if field not in FIELDS:
            return "field", "`%s` is no field" % field
        if not FIELDS[field](value):
            return "field", "`%s` is not of its type" % field
    if (record["event"] == "gate") != (record["decision"] in ("allow", "deny")):
        return "field", "`%s` cannot end in `%s`" % (record["event"], record["decision"])
    if record["event"] == "home" and record["decision"] != "done":
        return "field", "the home was not made"
    if "pin" in record and not 1 <= record["pin"] <= record["seq"]:
        return "field", "`pin` names no earlier record"
    if record.get("source", {}).get("kind") in ("archive", "git") and "commit" not in record["source"]:
        return "field", "a source without its commit"
    return None


# --- the log ------------------------------------------------------------------

_seen = {}


def judge_line(line):
    """Hash, fault and the record of one line by itself; remembered, since a
    batch holds the same lines many times."""
    if line in _seen:
        return _seen[line]
    fault, record = None, None
    if not line or len(line) > LINE_MAX:
        fault = "line", "%d bytes" % len(line)
    else:
        try:
            text = line.decode("utf-8")
            record = read(text)
            fault = check_fields(record)
        except UnicodeError:
            fault = "line", "not UTF-8"
        except (ValueError, RecursionError) as error:
            fault = "canonical", str(error)
    result = hashlib.sha256(b"\0" + line).digest(), fault, record
    if len(_seen) > 4000:
        _seen.clear()
    _seen[line] = result
    return result


def check_log(data):
    """Checks the log and returns the hashes of its records."""
    lines = data.split(b"\n")
    torn = lines.pop()
    if not lines and not torn:
        raise Bad(1, "truncated", "not a single record")
    hashes, before = [], None
    for number, line in enumerate(lines, 1):
        digest_bytes, fault, record = judge_line(line)
        if fault:
            raise Bad(number, *fault)
        if (record["event"] == "home") != (number == 1):
            raise Bad(number, "first", "`home` is the first record and no other")
        if record["seq"] != number:
            raise Bad(number, "seq", "seq %d: lines are missing, repeated or moved" % record["seq"])
        wanted = hashes[-1].hex() if hashes else ZEROS
        if record["prev"] != wanted:
            raise Bad(number, "prev", "does not follow the line before: one of the two was changed")
        if before and record["time"] < before["time"] and record["event"] != "clock":
            raise Bad(number, "time", "%s after %s" % (record["time"], before["time"]))
        if before and record["epoch"] < before["epoch"]:
            raise Bad(number, "epoch", "%d after %d" % (record["epoch"], before["epoch"]))
        hashes.append(digest_bytes)
        before = record
    if torn:
        raise Bad(len(lines) + 1, "torn", "%d bytes after the last line" % len(torn))
    return hashes


def root(hashes):
    """Root of the tree, RFC 6962 section 2.1."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    level = list(hashes)
    while len(level) > 1:
        # Pairing from the left and carrying an odd last one up gives the same
        # tree as splitting at the largest power of two.
        paired = [
            hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def check_extends(hashes, size, wanted, what):
    if len(hashes) < size:
        raise Bad(
            len(hashes) + 1, "truncated", "%d records, and %s names %d" % (len(hashes), what, size)
        )
    if root(hashes[:size]) != wanted:
        raise Bad(size, "root", "the first %d records are not those that %s was made from" % (size, what))


def parse_head(text):
    match = re.fullmatch(r"(0|[1-9][0-9]*):([0-9a-f]{64})", text, re.ASCII)
    if not match:
        raise Bad(0, "head", "a head is SIZE:ROOT")
    return int(match.group(1)), bytes.fromhex(match.group(2))


# --- Ed25519, RFC 8032 section 5.1 ----------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)  # extended coordinates x, y, z, t


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(number, point):
    out = IDENTITY
    while number:
        if number & 1:
            out = add(out, point)
        point = add(point, point)
        number >>= 1
    return out


def equal(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point(data):
    """The point of a canonical encoding, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def small_order(p):
    return equal(multiply(8, p), IDENTITY)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify(key, message, signature):
    """Strict verification: one encoding each, no small order, no cofactor."""
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or small_order(a) or small_order(r):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    return equal(multiply(s, BASE), add(r, multiply(k, a)))


# --- keys and checkpoints -------------------------------------------------------


def decode(text):
    """Base64 with its one spelling, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None


def key_name(text):
    return bool(text) and "+" not in text and not re.search(r"\s", text)


def parse_key(text):
    """(name, 4-byte hash, 32-byte key)."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not key_name(parts[0]):
        raise Bad(0, "checkpoint", "a key is NAME+HASH+KEY")
    data = decode(parts[2])
    if data is None or len(data) != 33 or data[0] != 1:
        raise Bad(0, "checkpoint", "not an Ed25519 key")
    short = hashlib.sha256(parts[0].encode("utf-8") + b"\n" + data).digest()[:4]
    if parts[1] != short.hex():
        raise Bad(0, "checkpoint", "the key's hash is not that of its name and bytes")
    place = point(data[1:])
    if place is None or small_order(place):
        raise Bad(0, "checkpoint", "the key is no point, or a weak one")
    return parts[0], short, data[1:]


def open_checkpoint(data, key_text):
    """(size, root, number of unknown signatures) of a checked checkpoint."""
    key_id, short, key = parse_key(key_text)
    if len(data) > NOTE_MAX:
        raise Bad(0, "checkpoint", "too long")
    try:
        note = data.decode("utf-8")
    except UnicodeError:
        raise Bad(0, "checkpoint", "not UTF-8") from None
    at = note.rfind("\n\n")
    if at < 0 or re.search("[\x00-\x09\x0b-\x1f]", note):
        raise Bad(0, "checkpoint", "not a signed note")
    text, rest = note[: at + 1], note[at + 2 :]
    if not rest.endswith("\n"):
        raise Bad(0, "checkpoint", "the last line does not end")
    lines = rest[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Bad(0, "checkpoint", "too many signatures")
    good, unknown = 0, 0
    for line in lines:
        parts = line.split(" ")
        raw = decode(parts[2]) if len(parts) == 3 else None
        if raw is None or parts[0] != "\u2014" or not key_name(parts[1]) or len(raw) < 5:
            raise Bad(0, "checkpoint", "a line that is no signature")
        if (parts[1], raw[:4]) != (key_id, short):
            unknown += 1
            continue
        if good:
            raise Bad(0, "checkpoint", "the key has signed twice")
        if not verify(key, text.encode("utf-8"), raw[4:]):
            raise Bad(0, "forged", "the signature does not verify")
        good += 1
    if not good:
        raise Bad(0, "forged", "not signed by the key; signatures by others: %d" % unknown)
    match = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n", text, re.ASCII)
    root_bytes = decode(match.group(3)) if match else None
    if root_bytes is None or len(root_bytes) != 32:
        raise Bad(0, "checkpoint", "the signed text is no checkpoint")
    if match.group(1) != key_id or not re.fullmatch("skill-trust/[0-9a-f]{32}", key_id):
        raise Bad(0, "checkpoint", "it is for %s, not for %s" % (match.group(1), key_id))
    return int(match.group(2)), root_bytes, unknown


# --- the program ----------------------------------------------------------------


def check(logs, head=None, checkpoint=None, key=None):
    """Checks everything; returns what to say, or raises Bad."""
    data = b""
    for path in logs:
        with open(path, "rb") as file:
            data += file.read()
    hashes = check_log(data)
    said = "%d records, head %d:%s" % (len(hashes), len(hashes), root(hashes).hex())
    if checkpoint is not None:
        with open(checkpoint, "rb") as file:
            size, wanted, unknown = open_checkpoint(file.read(), key)
        check_extends(hashes, size, wanted, "the checkpoint")
        said += ", checkpoint over %d, %d unknown signatures" % (size, unknown)
    if head is not None:
        size, wanted = parse_head(head)
        check_extends(hashes, size, wanted, "the head")
    return said


def batch(path):
    worst = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            item = json.loads(line)
            try:
                said = check(item["logs"], item.get("head"), item.get("checkpoint"), item.get("key"))
                answer = {"ok": True, "said": said}
            except Bad as bad:
                worst = 5
                answer = {"ok": False, "line": bad.line, "fault": bad.fault, "reason": bad.reason}
            print(json.dumps(answer))
    return worst


def self_test():
    """Ed25519 against RFC 8032 section 7.1, and strictness."""
    vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ]
    for key_hex, message_hex, signature_hex in vectors:
        key, message = bytes.fromhex(key_hex), bytes.fromhex(message_hex)
        signature = bytes.fromhex(signature_hex)
        assert verify(key, message, signature)
        assert not verify(key, message + b"x", signature)
        for at in range(64):
            changed = bytearray(signature)
            changed[at] ^= 1
            assert not verify(key, message, bytes(changed))
        # S + L satisfies the same equation.
        s = int.from_bytes(signature[32:], "little") + ORDER
        assert not verify(key, message, signature[:32] + s.to_bytes(32, "little"))
    # The identity as key, R = S*B: fits every message where small order is let through.
    one = (1).to_bytes(32, "little")
    x, y, z, _ = multiply(7, BASE)
    z = pow(z, P - 2, P)
    encoded = ((x * z % P & 1) << 255 | y * z % P).to_bytes(32, "little")
    assert not verify(one, b"any", encoded + (7).to_bytes(32, "little"))
    assert point((P + 1).to_bytes(32, "little")) is None
    assert write({"b": ["\x1f\"\\\n", 0], "a": {}}) == '{"a":{},"b":["\\u001f\\"\\\\\\n",0]}'
    for text in ['{"a":1.0}', '{"a":-1}', '{"a":null}', '{"a":1,"a":1}', '{"a":NaN}', '"\\u0041"',
                 '"\\ud800"', '{"a": 1}', '{"b":1,"a":1}', '{"a":01}', '{"a":9007199254740992}', "[" * 9000]:
        try:
            read(text)
        except (ValueError, RecursionError):
            continue
        raise AssertionError(text)
    print("ok")
    return 0


def main():
    parser = argparse.ArgumentParser(description="Checks an audit log of skill-trust.")
    parser.add_argument("logs", nargs="*", metavar="LOG", help="the log, or its segments, oldest first")
    parser.add_argument("--checkpoint", metavar="FILE")
    parser.add_argument("--key", metavar="VKEY", help="public key that signs the checkpoint")
    parser.add_argument("--head", metavar="SIZE:ROOT", help="a head kept from earlier")
    parser.add_argument("--batch", metavar="LIST", help="many checks, one JSON object per line")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.batch:
        return batch(args.batch)
    if not args.logs or (args.checkpoint is None) != (args.key is None):
        parser.error("LOG is needed, and --checkpoint goes with --key")
    try:
        print("ok: " + check(args.logs, args.head, args.checkpoint, args.key))
    except Bad as bad:
        print("bad: line %d: %s: %s" % (bad.line, bad.fault, bad.reason))
        return 5
    except OSError as error:
        print("bad: line 0: file: %s" % error)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
