"""Reads bundles of CA certificates, and says what they hold before they are trusted."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes


class CertificateError(ValueError):
    """A file holds no CA certificate that is valid today."""


@dataclass(frozen=True)
class Bundle:
    """The CA certificates of a file.

    Attributes:
        roots: SHA-256 of each certificate that is valid today -> its subject.
        left_out: How many more the file has that are no CA or not valid today; TLS
            libraries pass them over.
        until: When the first of the valid ones ends.
    """

    roots: dict[str, str]
    left_out: int
    until: datetime.date

    def compared_with(self, known: "Bundle") -> str:
        """Says in one line how this bundle differs from a known one."""
        new = sorted(self.roots[key] for key in self.roots.keys() - known.roots.keys())
        gone = len(known.roots.keys() - self.roots.keys())
        names = f" ({', '.join(new)})" if new else ""
        return (
            f"{len(self.roots)} valid CA certificates until {self.until}:"
            f" {len(new)} are not in the repository's{names}, {gone} of the"
            f" repository's are not in it, {self.left_out} are no CA or not valid today"
        )


def read_bundle(path: Path, *, today: datetime.date | None = None) -> Bundle:
    """Reads a PEM file of CA certificates.

    Args:
        today: Certificates must be valid on this day (UTC); now, if not given.

    Raises:
        CertificateError: The file cannot be read, is no PEM, or has no valid CA.
    """
    moment = (
        datetime.datetime.combine(today, datetime.time(12), datetime.UTC)
        if today
        else datetime.datetime.now(datetime.UTC)
    )
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CertificateError(f"{path} is no PEM file of certificates") from error
    valid = [
        one
        for one in found
        if one.not_valid_before_utc <= moment <= one.not_valid_after_utc and _is_ca(one)
    ]
    if not valid:
        raise CertificateError(
            f"{path} has no CA certificate that is valid today, among {len(found)}"
        )
    return Bundle(
        roots={one.fingerprint(hashes.SHA256()).hex(): _subject(one) for one in valid},
        left_out=len(found) - len(valid),
        until=min(one.not_valid_after_utc for one in valid).date(),
    )


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _subject(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "no name"
