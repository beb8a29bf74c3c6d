"""What a bundle of CA certificates is said to hold, and what is refused."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from scripts.certificates import CertificateError, read_bundle
from tests.certificates import Authority

ROOT = Path(__file__).resolve().parents[3]
BUILT_IN = ROOT / "lambda_extract" / "rds_ca.pem"


def test_the_built_in_bundle_holds_root_certificates_of_rds_alone() -> None:
    found = x509.load_pem_x509_certificates(BUILT_IN.read_bytes())
    for one in found:
        # Self-signed, and by the key that it carries.
        one.verify_directly_issued_by(one)
        (name,) = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        (owner,) = one.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert str(name.value).startswith("Amazon RDS ")
        assert owner.value == "Amazon Web Services, Inc."
    bundle = read_bundle(BUILT_IN)
    assert (len(bundle.roots), bundle.left_out) == (len(found), 0)
    # Time to notice, and to take a newer one.
    in_two_years = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=730)
    assert bundle.until > in_two_years.date()


def test_each_region_has_every_kind_of_key() -> None:
    kinds: dict[str, set[str]] = {}
    for name in read_bundle(BUILT_IN).roots.values():
        region, kind = name.removeprefix("Amazon RDS ").split(" Root CA ")
        kinds.setdefault(region, set()).add(kind)
    assert set(map(frozenset, kinds.values())) == {
        frozenset({"RSA2048 G1", "RSA4096 G1", "ECC384 G1"})
    }
    assert len(kinds) == 27


def test_what_is_new_in_a_bundle_is_named(tmp_path: Path) -> None:
    newer = tmp_path / "newer.pem"
    added = Authority(tmp_path / "a").ca.read_bytes()
    newer.write_bytes(BUILT_IN.read_bytes() + added)
    told = read_bundle(newer).compared_with(read_bundle(BUILT_IN))
    assert "82 valid CA certificates" in told
    assert "1 are not in the repository's (tests)" in told
    assert "0 of the repository's are not in it" in told


def test_a_certificate_that_is_no_ca_or_has_ended_counts_as_left_out(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    both = tmp_path / "both.pem"
    server = authority.issue("db", expired=True).certificate.read_bytes()
    both.write_bytes(authority.ca.read_bytes() + server)
    assert read_bundle(both).left_out == 1
    with pytest.raises(CertificateError, match="no CA certificate that is valid"):
        read_bundle(both, today=datetime.date(2100, 1, 1))


@pytest.mark.parametrize("text", ["", "<html>", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "global-bundle.pem"
    file.write_text(text)
    with pytest.raises(CertificateError, match="global-bundle.pem is no PEM file"):
        read_bundle(file)
    with pytest.raises(CertificateError, match="No such file"):
        read_bundle(tmp_path / "missing.pem")
