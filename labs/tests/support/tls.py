"""Clients whose connection to a server process of the tests is in TLS, on whatever port that listens."""

from __future__ import annotations

import poplib
import smtplib
import socket
import ssl

from maillab.network.clients import POP3, POP3S, SMTP, SMTPS

NAME = "mail.example.test"


def secured(server, service: str, trust: ssl.SSLContext) -> poplib.POP3 | smtplib.SMTP:
    """A client in TLS, implicit or by STLS/STARTTLS; it expects the server to be ``mail.example.test``."""

    def connect(host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", server.ports[service]), timeout)

    if service == "pop3s":
        return POP3S(connect, NAME, 995, 10, trust)
    if service == "submissions":
        return SMTPS(connect, NAME, 465, "laptop", 10, trust)
    if service == "pop3":
        pop = POP3(connect, NAME, 110, 10)
        pop.stls(trust)
        return pop
    smtp = SMTP(connect, NAME, 587, "laptop", 10)
    smtp.starttls(context=trust)
    return smtp


def says(client: poplib.POP3 | smtplib.SMTP, line: bytes) -> bytes:
    """What the server answers to a line (the first line of it)."""
    assert client.sock is not None and client.file is not None
    client.sock.sendall(line + b"\r\n")
    return client.file.readline()
