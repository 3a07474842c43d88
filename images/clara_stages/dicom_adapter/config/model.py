"""What the adapter's configuration says, free of the file format it was written in."""

from dataclasses import dataclass, field

ANY_AE_TITLE = "*"
"""As a source's AE title: any calling AE title from that host."""


@dataclass(frozen=True, kw_only=True)
class ServedAeTitle:
    """An AE title that senders call.

    Attributes:
        ae_title: At most 16 characters (PS3.5 6.2, VR AE).
        quiet_period_s: A study is complete when its last instance is this old and no association that brought one is
            still open.
        destinations: Names of the destinations that get the results of studies sent here.
    """

    ae_title: str
    quiet_period_s: float = 10.0
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """Who may send: an address, a network in CIDR notation or a host name, and a calling AE title or ``*``."""

    host_ip: str
    ae_title: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Whether C-ECHO is offered, and in which transfer syntaxes (UIDs)."""

    enabled: bool = True
    transfer_syntaxes: tuple[str, ...] = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")


@dataclass(frozen=True, kw_only=True)
class Scp:
    """The receiving side."""

    port: int = 104
    ae_titles: tuple[ServedAeTitle, ...] = ()
    max_associations: int = 2
    verification: Verification = field(default_factory=Verification)
    log_dimse_datasets: bool = False
    reject_unknown_sources: bool = True
    sources: tuple[Source, ...] = ()

    def served(self, ae_title: str) -> ServedAeTitle | None:
        """The served AE title of that name."""
        return next((item for item in self.ae_titles if item.ae_title == ae_title), None)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A storage SCP that results go to."""

    name: str
    host_ip: str
    port: int
    ae_title: str


@dataclass(frozen=True, kw_only=True)
class Scu:
    """The sending side."""

    ae_title: str = "ClaraSCU"
    max_associations: int = 2
    destinations: tuple[Destination, ...] = ()

    def destination(self, name: str) -> Destination | None:
        """The destination of that name."""
        return next((item for item in self.destinations if item.name == name), None)


@dataclass(frozen=True, kw_only=True)
class ForcedMatch:
    """A row of ``workflows``: every study sent to an AE title starts one workflow, whatever its rule says.

    Attributes:
        name: A word for people.
        clara_ae_title: The served AE title.
        destination_name: Where the results go.
        workflow: The ``id`` of the workflow file.
        line: Where the row stands in the configuration.
    """

    name: str
    clara_ae_title: str
    destination_name: str
    workflow: str
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """All of it.

    Attributes:
        overdue_s: A confirmed pair that has not closed for this long is asked after.
        reserve_mib: With less free disk space than this, instances are refused with A700.
    """

    scp: Scp
    scu: Scu
    forced_matches: tuple[ForcedMatch, ...] = ()
    overdue_s: float = 600.0
    reserve_mib: int = 512
    file: str = ""
