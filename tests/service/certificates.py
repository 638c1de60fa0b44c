"""Certificates for tests: an authority, and pairs that it signed, made with the openssl command."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that lives in a folder; its own certificate is `pair.certificate`."""

    folder: Path
    pair: Pair

    def issue(self, name: str, subject: str, *, address: str = "127.0.0.1") -> Pair:
        """Return a new pair under this authority, good for servers at the address and for clients."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        signed: list[str | Path] = [
            "-CA",
            self.pair.certificate,
            "-CAkey",
            self.pair.key,
            "-addext",
            f"subjectAltName=IP:{address}",
        ]
        _make(pair, subject, *signed)
        return pair


def make_authority(folder: Path, name: str = "authority") -> Authority:
    """Return a new authority."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    _make(pair, f"/CN={name}")
    return Authority(folder, pair)


def _make(pair: Pair, subject: str, *more: str | Path) -> None:
    elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files: list[str | Path] = ["-utf8", "-subj", subject, "-keyout", pair.key, "-out", pair.certificate]
    subprocess.run(["openssl", "req", "-x509", *elliptic, *files, *more], check=True, capture_output=True)
