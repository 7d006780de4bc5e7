"""What python-tuf and securesystemslib say, for tests/it/tuf/interop.rs.

One JSON request a line on standard input, one JSON answer a line on standard
output. Files are base64. Nothing is fetched: repositories are in the request.
"""

import base64
import json
import os
import sys
import tempfile
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.ngclient import FetcherInterface, Updater

# python-tuf flushes each file it keeps; in memory that costs nothing.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Files(FetcherInterface):
    def __init__(self, files):
        self.files = files

    def _fetch(self, url):
        name = url.removeprefix("https://here/")
        if name not in self.files:
            raise DownloadHTTPError("not there", 404)
        return iter([base64.b64decode(self.files[name])])


def client(request):
    """Refreshes at a time, looks for a target and checks it."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        try:
            updater = Updater(
                folder,
                "https://here/metadata/",
                folder,
                "https://here/targets/",
                Files(request["files"]),
                bootstrap=base64.b64decode(request["root"]),
            )
            now = datetime.fromtimestamp(request["now"], timezone.utc)
            updater._trusted_set.reference_time = now
            updater.refresh()
            found = updater.get_targetinfo(request["target"])
            if found is None:
                return {"is": "none"}
            with open(updater.download_target(found), "rb") as f:
                return {"is": "found", "bytes": base64.b64encode(f.read()).decode()}
        # python-tuf raises what its parts raise: all of it is a no.
        except Exception as error:
            return {"is": "refused", "why": f"{type(error).__name__}: {error}"}


def canonical(request):
    return {"canonical": base64.b64encode(encode_canonical(request["value"]).encode()).decode()}


def keyid(request):
    """The id that securesystemslib gives a key it makes from PEM or raw bytes."""
    key = request["key"]
    if key["keytype"] == "ecdsa":
        public = load_pem_public_key(key["keyval"]["public"].encode())
    else:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["keyval"]["public"]))
    made = SSlibKey.from_crypto(public)
    return {"id": made.keyid, "key": made.to_dict()}


def write(request):
    """A repository of python-tuf's own: root 2 of 3 with one rotation, mixed
    kinds of keys, a delegation with patterns and one with hash prefixes."""
    expires = datetime.fromtimestamp(request["expires"], timezone.utc)
    ed, ec = CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa
    keys = {"root": [ed(), ec(), ed()], "timestamp": [ec()], "snapshot": [ed()], "targets": [ed(), ec()]}
    role_keys = {"acme": [ed()], "bins": [ec()]}
    files, all_roles = {}, {}

    def put(name, md, signers):
        for at, signer in enumerate(signers):
            md.sign(signer, append=at > 0)
        data = md.to_bytes()
        files[f"metadata/{name}"] = base64.b64encode(data).decode()
        return data

    def target(path, data):
        found = TargetFile.from_data(path, data, ["sha256", "sha512"])
        folder, _, name = path.rpartition("/")
        for digest in found.hashes.values():
            place = f"{folder}/{digest}.{name}" if folder else f"{digest}.{name}"
            files[f"targets/{place}"] = base64.b64encode(data).decode()
        return {path: found}

    root = Root(version=1, expires=expires, consistent_snapshot=True)
    for role, signers in keys.items():
        for signer in signers:
            root.add_key(signer.public_key, role)
    root.roles["root"].threshold = 2
    root.roles["targets"].threshold = 2
    first = put("1.root.json", Metadata(root), keys["root"][:2])
    # One key of the root and that of the timestamp change.
    new_root, new_stamp = ed(), ed()
    root.revoke_key(keys["root"][0].public_key.keyid, "root")
    root.revoke_key(keys["timestamp"][0].public_key.keyid, "timestamp")
    root.add_key(new_root.public_key, "root")
    root.add_key(new_stamp.public_key, "timestamp")
    root.version = 2
    put("2.root.json", Metadata(root), [keys["root"][0], keys["root"][1], new_root])

    for role, path in [("acme", "anchors/acme.pem"), ("bins", "bins/é x.bin")]:
        md = Metadata(Targets(version=3, expires=expires, targets=target(path, f"by {role}".encode())))
        data = put(f"3.{role}.json", md, role_keys[role])
        all_roles[f"{role}.json"] = MetaFile.from_data(3, data, ["sha256", "sha512"])
    top = Targets(version=5, expires=expires, targets=target("policy.toml", b"by targets"))
    top.delegations = Delegations(
        {},
        {
            "acme": DelegatedRole("acme", [], 1, True, ["anchors/acme*"]),
            "bins": DelegatedRole("bins", [], 1, False, None, list("0123456789abcdef")),
        },
    )
    for role, signers in role_keys.items():
        top.add_key(signers[0].public_key, role)
    data = put("5.targets.json", Metadata(top), keys["targets"])
    all_roles["targets.json"] = MetaFile.from_data(5, data, ["sha256"])
    data = put("7.snapshot.json", Metadata(Snapshot(7, expires=expires, meta=all_roles)), keys["snapshot"])
    stamp = Timestamp(9, expires=expires, snapshot_meta=MetaFile.from_data(7, data, ["sha256", "sha512"]))
    put("timestamp.json", Metadata(stamp), [new_stamp])
    return {"root": base64.b64encode(first).decode(), "files": files}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        do = {"client": client, "canonical": canonical, "keyid": keyid, "write": write}[request["do"]]
        print(json.dumps(do(request)), flush=True)


main()
