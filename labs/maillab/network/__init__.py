"""The network: four hosts, and four ways ("rungs") to have them on your own machine."""

from ..names import DOMAIN, HOSTS, PORTS
from .card import Card
from .host import Host, Network, RungUnavailable

__all__ = ["DOMAIN", "HOSTS", "PORTS", "Card", "Host", "Network", "RungUnavailable"]
