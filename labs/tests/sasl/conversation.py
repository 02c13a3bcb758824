"""Two sides of a mechanism, talking without a carrier."""

from __future__ import annotations

from maillab.sasl import Challenge, Client, Failure, Server, Success


def talk(client: Client, server: Server, server_asks: bool = False) -> Success | Failure:
    """Let them talk to the end; after a success the client says whether the server has proved itself."""
    outcome = server.step(None if server_asks else client.initial())
    while isinstance(outcome, Challenge):
        outcome = server.step(client.step(outcome.data))
    if isinstance(outcome, Success):
        client.finish()
    return outcome


def overheard(client: Client, server: Server) -> list[bytes]:
    """What the client said, from her first response to her last, for replaying."""
    said = []
    response = client.initial()
    outcome = server.step(response)
    if response is not None:
        said.append(response)
    while isinstance(outcome, Challenge):
        said.append(client.step(outcome.data))
        outcome = server.step(said[-1])
    assert isinstance(outcome, Success)
    return said
