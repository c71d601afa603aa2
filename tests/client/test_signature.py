"""A manifest is taken for its publisher's only with a signature of exactly it, by the key the reader knows."""

from __future__ import annotations

import sys

import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation, publish_unjudged
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import resift
from resift.cli.main import main
from resift.client.pins import check, move, pin_of, read_pin, require_pinned
from resift.client.signature import read_public_key, require_ed25519, require_signed
from resift.client.snapshots import find_manifest
from resift.errors import ConfigError, SnapshotDamaged
from resift.model import keys
from resift.model.document import sha256_hex
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.sign import public_of
from resift.storage import LocalStore

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
PUBLIC = public_of(KEY)


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def sign_with(tmp_path, monkeypatch):
    """Name a key to the steps, or none."""

    def choose(key):
        (tmp_path / "signing.pem").write_bytes(private_pem(key) if key else b"")
        monkeypatch.setenv("RESIFT_SIGNING_KEY", str(tmp_path / "signing.pem") if key else "")

    return choose


def test_without_cryptography_the_message_names_the_extra_that_brings_it(monkeypatch):
    # None is how Python itself marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)

    with pytest.raises(ConfigError, match=r"expected cryptography. In a clone of resift: .* '\.\[sign\]'\."):
        require_ed25519()


@pytest.fixture
def store(tmp_path, sign_with):
    """A version that is signed by KEY."""
    sign_with(KEY)
    store = LocalStore(tmp_path / "lake")
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(20)] for k in (0, 1)))
    publish_unjudged(store, make_dataset(), cycle(0))
    return store


def found(store, k=0):
    return find_manifest(store, "sample", cycle(k))


def signature_key(store, k=0):
    return keys.signature("sample", cycle(k), sha256_hex(store.get(keys.manifest("sample", cycle(k)))))


def erase_one(store, name="i3"):
    entries = wanted(store, pool="photos", images=[name], owners=[], request="r", requested_at=NOW)
    digest = plan_erasure(store, pool="photos", entries=entries).document_digest()
    erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)


def test_published_version_and_each_revision_are_signed(store):
    require_signed(store, found(store), PUBLIC)

    erase_one(store)

    assert found(store).revision == 1
    require_signed(store, found(store), PUBLIC)


class TestOpen:
    def test_version_that_the_key_signed_is_opened(self, store, tmp_path):
        (tmp_path / "resift.pub").write_bytes(
            KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

        for key in (PUBLIC, str(tmp_path / "resift.pub")):
            assert resift.open(store.url, "sample", "latest", key=key).manifest == found(store)

    def test_version_that_nobody_or_another_signed_is_refused_once_a_key_is_given(self, store, sign_with):
        sign_with(None)
        publish_unjudged(store, make_dataset(), cycle(1))

        with pytest.raises(SnapshotDamaged, match="found no signature of manifest"):
            resift.open(store.url, "sample", cycle(1), key=PUBLIC)
        with pytest.raises(SnapshotDamaged, match="found a signature by key"):
            resift.open(store.url, "sample", cycle(0), key=public_of(OTHER))
        assert len(resift.open(store.url, "sample", cycle(1))) == 20

    def test_what_is_no_key_is_refused_and_never_taken_for_none(self, store):
        for key in ("", "abc", "f" * 63):
            with pytest.raises(ConfigError, match="expected an Ed25519 public key"):
                resift.open(store.url, "sample", "latest", key=key)


def test_stripped_signature_is_refused(store):
    store.delete(signature_key(store))

    with pytest.raises(SnapshotDamaged, match=r"found no signature of manifest .*, expected one by key .* Do not use"):
        require_signed(store, found(store), PUBLIC)


def test_other_key_is_refused(store):
    with pytest.raises(SnapshotDamaged, match=r"found a signature by key \w{16}, expected one by key \w{16}\."):
        require_signed(store, found(store), public_of(OTHER))


def test_signature_of_another_version_in_its_place_is_refused(store):
    publish_unjudged(store, make_dataset(), cycle(1))
    store.put(signature_key(store, 0), store.get(signature_key(store, 1)))

    with pytest.raises(SnapshotDamaged, match="the signature is not one of manifest"):
        require_signed(store, found(store), PUBLIC)


def test_key_id_of_another_signer_does_not_make_a_signature_his(store, sign_with):
    forged = store.get(signature_key(store)).replace(b'"signature":"', b'"signature":"00')[:-4] + b'"}'
    store.put(signature_key(store), forged)

    with pytest.raises(SnapshotDamaged, match="the signature is not one of manifest"):
        require_signed(store, found(store), PUBLIC)


def test_altered_manifest_has_no_signature(store):
    altered = found(store).model_copy(update={"known_at": NOW.replace(year=2031)})
    store.put(keys.manifest("sample", cycle(0)), altered.to_json())

    with pytest.raises(SnapshotDamaged, match="found no signature"):
        require_signed(store, altered, PUBLIC)


def test_altered_manifest_is_not_signed_by_publishing_or_erasing_again(store):
    altered = found(store).model_copy(update={"known_at": NOW.replace(year=2031)})
    store.put(keys.manifest("sample", cycle(0)), altered.to_json())

    erase_one(store)

    assert found(store).revision == 1
    with pytest.raises(SnapshotDamaged, match="found no signature"):
        require_signed(store, found(store), PUBLIC)


def test_older_revision_put_back_with_its_own_signature_is_told_by_the_pin(store):
    body, signature = store.get(keys.manifest("sample", cycle(0))), store.get(signature_key(store))
    erase_one(store)
    pin = pin_of(store, found(store), signed_by=PUBLIC)
    store.put(keys.manifest("sample", cycle(0)), body)
    store.put(signature_key(store), signature)

    assert check(store, pin).state == "altered"


def test_manifest_that_changed_since_it_was_read_is_refused(store):
    before = found(store)
    erase_one(store)

    with pytest.raises(SnapshotDamaged, match="its manifest changed while it was read"):
        require_signed(store, before, PUBLIC)


class TestPin:
    def test_remembers_the_key_and_demands_it(self, store):
        pin = pin_of(store, found(store), signed_by=PUBLIC)
        assert (check(store, pin).state, require_pinned(store, pin)) == ("current", found(store))
        store.delete(signature_key(store))

        assert check(store, pin).state == "altered"
        assert "found no signature" in check(store, pin).told
        with pytest.raises(SnapshotDamaged, match="found no signature"):
            require_pinned(store, pin)

    def test_is_moved_only_to_what_the_key_signed(self, store, sign_with):
        pin = pin_of(store, found(store), signed_by=PUBLIC)
        sign_with(None)
        publish_unjudged(store, make_dataset(), cycle(1))

        with pytest.raises(SnapshotDamaged, match="found no signature"):
            move(store, pin, str(cycle(1)))


class TestKeys:
    def test_public_key_is_read_from_pem_or_digits(self, tmp_path):
        path = tmp_path / "resift.pub"
        path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

        assert read_public_key(str(path)) == read_public_key(PUBLIC.upper()) == PUBLIC

    @pytest.mark.parametrize("body", [None, b"no key", private_pem(KEY)])
    def test_what_is_no_public_key_is_refused(self, tmp_path, body):
        path = tmp_path / "resift.pub"
        if body is not None:
            path.write_bytes(body)

        with pytest.raises(ConfigError, match="expected an Ed25519 public key"):
            read_public_key(str(path))

    @pytest.mark.parametrize("body", [b"no key", private_pem(ec.generate_private_key(ec.SECP256R1()))])
    def test_nothing_is_published_with_a_key_that_is_none(self, store, tmp_path, body, sign_with):
        sign_with(KEY)
        (tmp_path / "signing.pem").write_bytes(body)

        with pytest.raises(ConfigError, match="expected an Ed25519 private key in PEM"):
            publish_unjudged(store, make_dataset(), cycle(1))

        assert found(store, 1) is None


def test_commands_refuse_with_code_1_what_the_key_did_not_sign(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESIFT_LAKE", store.url)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["resift", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0

    version = str(cycle(0))
    assert run("pin", version, "--key", PUBLIC) == 0
    assert read_pin(tmp_path / "resift.lock").signed_by == PUBLIC
    for words in (["verify", version], ["pull", version, "copy"], ["check"]):
        assert run(*words, "--key", PUBLIC) == 0
        assert run(*words, "--key", public_of(OTHER)) == 1
    store.delete(signature_key(store))
    assert run("check") == 1
    assert run("pull", "--lock", "resift.lock", "other") == 1
    assert not (tmp_path / "other").exists()
