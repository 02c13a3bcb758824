"""The network: four hosts, and four ways ("rungs") to have them on your own machine."""

from .card import Card
from .host import Host, Network, RungUnavailable
from .names import DOMAIN, HOSTS, PORTS

__all__ = ["DOMAIN", "HOSTS", "PORTS", "Card", "Host", "Network", "RungUnavailable"]
