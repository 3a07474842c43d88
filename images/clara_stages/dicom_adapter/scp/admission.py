"""Who may open an association: the rules of ``dicom.scp``, each rejection with the line that would allow it."""

import ipaddress
import logging
import socket
import time
from dataclasses import dataclass

from clara_stages.dicom_adapter.config import Scp, Source
from clara_stages.dicom_adapter.config.model import ANY_AE_TITLE

NAME_TTL_S = 60.0
"""How long a resolved host name is believed; a moved scanner is let in after at most this."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4) and what a person should know about it."""

    result: int
    source: int
    diagnostic: int
    reason: str
    remedy: str


class Admission:
    """Decides on associations. Safe to call from several threads."""

    def __init__(self, scp: Scp) -> None:
        self._scp = scp
        self._names: dict[str, tuple[float, frozenset[str]]] = {}

    def refuse(self, *, peer: str, calling: str, called: str) -> Refusal | None:
        """Why a sender is refused, or None where it is welcome.

        Args:
            peer: The sender's address.
            calling: Its AE title.
            called: The AE title it calls.
        """
        if self._scp.served(called) is None:
            served = ", ".join(item.ae_title for item in self._scp.ae_titles)
            return Refusal(
                result=0x01,
                source=0x01,
                diagnostic=0x07,
                reason=f"called AE title {called!r} is not served, expected one of {served}",
                remedy=f"call one of those, or add - ae-title: {called} under dicom.scp.ae-titles",
            )
        if self._scp.reject_unknown_sources and not self._is_known(peer, calling):
            return Refusal(
                result=0x01,
                source=0x01,
                diagnostic=0x03,
                reason=f"calling AE title {calling!r} at {peer} is no known source (reject-unknown-sources)",
                remedy=f"add - host-ip: {peer}, ae-title: {calling} under dicom.scp.sources",
            )
        return None

    def refuse_surplus(self, open_associations: int) -> Refusal | None:
        """Why one more association is refused while so many others are open, or None where there is room."""
        if open_associations >= self._scp.max_associations:
            return Refusal(
                result=0x02,
                source=0x03,
                diagnostic=0x02,
                reason=f"{open_associations} associations are open, max-associations is {self._scp.max_associations}",
                remedy="the sender may try again; raise dicom.scp.max-associations if this happens often",
            )
        return None

    def _is_known(self, peer: str, calling: str) -> bool:
        return any(
            source.ae_title in (ANY_AE_TITLE, calling) and self._matches_host(source, peer)
            for source in self._scp.sources
        )

    def _matches_host(self, source: Source, peer: str) -> bool:
        address = plain_address(peer)
        try:
            network = ipaddress.ip_network(source.host_ip, strict=False)
        except ValueError:
            return str(address) in self._resolve(source.host_ip)
        return address in network

    def _resolve(self, name: str) -> frozenset[str]:
        now = time.monotonic()
        known = self._names.get(name)
        if known is not None and known[0] > now:
            return known[1]
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            addresses = frozenset(str(plain_address(str(item[4][0]))) for item in found)
        except OSError as error:
            log.warning("the source %s cannot be resolved: %s; check its name or write its address", name, error)
            addresses = frozenset()
        self._names[name] = (now + NAME_TTL_S, addresses)
        return addresses


def plain_address(text: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address":
    """An address; an IPv4 one that came through an IPv6 socket as what it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
