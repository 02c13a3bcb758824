"""Certificates for one run of the tests; no key is in the repository."""

from __future__ import annotations

import pytest
import trustme
from support.tls_sessions import SNI

FILES = {"ca": "ca", "server_pem": "server", "client_pem": "alice"}


@pytest.fixture(scope="session")
def client_pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files: the authority, the server's certificate and key, and alice's."""
    folder = tmp_path_factory.mktemp("certificates")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert(SNI).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    ca.issue_cert("alice@example.test").private_key_and_cert_chain_pem.write_to_path(folder / "alice.pem")
    return {name: str(folder / f"{file}.pem") for name, file in FILES.items()}


@pytest.fixture(scope="session")
def pems(client_pem: dict[str, str]) -> dict[str, str]:
    """The same without alice's."""
    return {name: file for name, file in client_pem.items() if name != "client_pem"}
