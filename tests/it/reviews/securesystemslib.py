"""What securesystemslib says of envelopes, for tests/it/reviews/interop.rs.

One JSON request a line on standard input, one JSON answer a line on standard
output. Keys are given in PEM, and get the ids that securesystemslib makes.
"""

import base64
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey


def verify(request):
    """The payload, and whether each threshold is met."""
    keys = [SSlibKey.from_crypto(load_pem_public_key(pem.encode())) for pem in request["keys"]]
    envelope = Envelope.from_dict(json.loads(request["envelope"]))
    met = []
    for threshold in request["thresholds"]:
        try:
            envelope.verify(keys, threshold)
            met.append(True)
        except (ValueError, VerificationError):
            met.append(False)
    return {"payload": envelope.payload.decode(), "type": envelope.payload_type, "met": met}


def pem(key):
    public = key.keyval["public"]
    if key.keytype != "ed25519":
        return public
    point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(request):
    """An envelope by fresh keys of both kinds, each signing as often as asked."""
    signers = [CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa()]
    envelope = Envelope(base64.b64decode(request["payload"]), request["type"], {})
    for at in request["by"]:
        envelope.sign(signers[at])
    keys = [signer.public_key for signer in signers]
    return {"envelope": json.dumps(envelope.to_dict()), "keys": [pem(key) for key in keys]}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"verify": verify, "sign": sign}[request["do"]](request)), flush=True)
