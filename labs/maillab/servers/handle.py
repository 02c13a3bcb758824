"""The lab's side of the mail servers' process on one host."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ..network import Host, Network
from .child import PATIENCE, Child, ServerError

__all__ = ["ServerError", "ServerHandle"]


class ServerHandle(Child):
    """A running server process on one host of the lab.

    Args:
        more: what else its configuration says, such as ``domain``, ``spool`` and ``next_hop``; see process.py.

    Raises:
        ServerError: it couldn't start, a busy port for instance.
    """

    def __init__(
        self,
        host: Host,
        network: Network,
        services: dict[str, int],
        student: str,
        allow: list[str],
        accounts: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        address, well_known = network.bind_to(host.info)
        self._network = network
        config = {
            "host": host.name,
            "address": address,
            "ports": {name: port if well_known else 0 for name, port in services.items()},
            "student": student,
            "allow": allow,
            **({} if accounts is None else {"accounts": accounts}),
            **more,
        }
        super().__init__(host, ["maillab.servers"], config)

    def _start(self) -> None:
        super()._start()
        for name, port in self.ports.items():
            self._network.publish(self.host.info, name, port)

    def close(self) -> None:
        super().close()
        for name in self.ports:
            self._network.withdraw(self.host.info, name)

    def restart(self) -> None:
        """End the process and start it again, on the same ports, with the switches as they are now.

        What it keeps on disk is there again, if it has a spool; what it has in memory is not.

        Raises:
            ServerError: it couldn't start.
        """
        deadline = time.monotonic() + PATIENCE / 2
        with contextlib.suppress(ServerError):  # it has crashed: all the more reason
            # A mail just being passed on would arrive twice if we cut in between the next server's 250 and its note.
            while self.ask("hold", held=True)["busy"] and time.monotonic() < deadline:
                time.sleep(0.02)
        self.close()
        self._config["ports"] = self.ports
        self._start()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """As for any process; what this one can do is listed in ``maillab.servers.mailhost``.

        Raises:
            ServerError: it can't, or it has ended.
        """
        answer = super().ask(do, **details)
        if do == "allow":
            self._config["allow"] = answer["on"]
        elif do == "tls":
            self._config["tls"] |= answer["tls"]
        elif do == "next_hop":
            self._config["next_hop_tls"] = answer["tls"]
        return answer
