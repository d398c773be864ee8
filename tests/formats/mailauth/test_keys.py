"""Keys, and the records that publish them."""

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.formats.mailauth.keys import (
    KeyAlgorithm,
    SigningKey,
    is_encrypted,
    is_published,
    key_bits,
    key_record,
    load_der,
    load_pem,
    new_key,
    parse_key_record,
    zone_text,
)

DIGEST = sha256(b"mail").digest()


@pytest.fixture(scope="module", params=KeyAlgorithm)
def key(request: pytest.FixtureRequest) -> SigningKey:
    return new_key(request.param)


def test_a_key_goes_round(key: SigningKey) -> None:
    record = key_record(key.algorithm, key.public())
    public = parse_key_record(record)
    assert public.algorithm is key.algorithm
    assert public.bits == key_bits(key.algorithm, key.public())
    assert public.matches(DIGEST, load_der(key.der()).sign(DIGEST))
    assert public.matches(DIGEST, load_pem(key.pem().encode()).sign(DIGEST))
    assert not public.matches(sha256(b"other").digest(), key.sign(DIGEST))
    assert not public.matches(DIGEST, b"")
    assert is_published(["v=spf1 -all", record], key.public())
    assert not is_published(
        [key_record(key.algorithm, new_key(key.algorithm).public()), "", "p="], key.public()
    )


def test_the_key_is_in_no_text_that_is_logged(key: SigningKey) -> None:
    assert b64encode(key.der()).decode()[40:60] not in repr(key)
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize("bits", [1024, 4096])
def test_long_and_short_keys(bits: int) -> None:
    key = new_key(KeyAlgorithm.RSA, bits)
    assert parse_key_record(key_record(key.algorithm, key.public())).bits == bits
    assert load_pem(key.pem().encode()).public() == key.public()


def test_a_record_of_4096_bits_is_split_for_zone_files() -> None:
    key = new_key(KeyAlgorithm.RSA, 4096)
    record = key_record(key.algorithm, key.public())
    text = zone_text(record)
    parts = text.strip("() ").split('" "')
    assert max(map(len, parts)) <= 255 + 1  # the quotes at both ends
    assert "".join(part.strip('"') for part in parts) == record
    assert zone_text("v=DKIM1; p=") == '"v=DKIM1; p="'


def pem(private: rsa.RSAPrivateKey, form: PrivateFormat, password: bytes = b"") -> bytes:
    lock: KeySerializationEncryption = (
        BestAvailableEncryption(password) if password else NoEncryption()
    )
    return private.private_bytes(Encoding.PEM, form, lock)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_imports(form: PrivateFormat) -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = SigningKey(private)
    assert load_pem(pem(private, form)).public() == key.public()
    locked = pem(private, form, b"secret")
    assert is_encrypted(locked)
    assert not is_encrypted(pem(private, form))
    assert load_pem(locked, b"secret").public() == key.public()
    for password in (None, b"wrong"):
        with pytest.raises(Invalid):
            load_pem(locked, password)
    with pytest.raises(Invalid):
        load_pem(pem(private, form), b"a password for nothing")


def test_what_is_not_imported() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    other = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = new_key(KeyAlgorithm.RSA, 1024).private.public_key()
    shown = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (b"", b"hello", other, shown, b"x" * 100_000):
        with pytest.raises(Invalid):
            load_pem(text)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("", "tags"),
        ("v=DKIM1", "no key"),
        ("v=DKIM1; p=", "revoked"),
        ("v=DKIM2; p={p}", "version"),
        ("p={p}; v=DKIM1", "version"),
        ("v=DKIM1; h=sha1; p={p}", "SHA-256"),
        ("v=DKIM1; s=tlsrpt; p={p}", "mail"),
        ("v=DKIM1; k=dsa; p={p}", "kind"),
        ("v=DKIM1; k=ed25519; p={p}", "32 octets"),
        ("v=DKIM1; p={p}x", "base64"),
        ("v=DKIM1; p=aGVsbG8=", "read"),
        ("v=DKIM1; p={p}; n=" + "x" * 4096, "long"),
    ],
)
def test_records_that_are_of_no_use(record: str, why: str) -> None:
    key = new_key(KeyAlgorithm.RSA, 1024)
    with pytest.raises(GrammarError, match=why):
        parse_key_record(record.format(p=b64encode(key.public()).decode()))


def test_flags_and_the_older_form_of_keys() -> None:
    private = rsa.generate_private_key(65537, 1024)
    octets = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    found = parse_key_record(f"k=rsa; s=* : email; t=y:s:x; p={b64encode(octets).decode()}")
    assert (found.testing, found.strict, found.bits) == (True, True, 1024)
    assert found.encoded() == SigningKey(private).public()
