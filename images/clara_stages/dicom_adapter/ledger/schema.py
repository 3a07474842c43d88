"""The ledger's tables. Times are seconds since 1970 in UTC; texts carry no patient's name, id or birth date."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = 1

metadata = MetaData()

about = Table(
    "about",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Schema version and installation, so that a ledger is never opened by the wrong program or site."""

associations = Table(
    "associations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("peer", String(64), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("called_ae_title", String(16), nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("ended", String(32)),
)

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("called_ae_title", String(16), nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("received_at", Float, nullable=False),
    # Grows with every instance that counts; a completion that saw an older value leaves the study awaiting.
    Column("changes", Integer, nullable=False, default=0),
    Column("awaiting", Boolean, nullable=False, default=False, server_default=false()),
    Column("own_results", Integer, nullable=False, default=0),
    Column("quarantined", Integer, nullable=False, default=0),
    Column("trouble", Text),
    UniqueConstraint("called_ae_title", "study_instance_uid"),
    Index("studies_awaiting", "awaiting"),
)
"""One row for each (called AE title, Study Instance UID): the same study sent elsewhere is another one."""

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id"), nullable=False),
    Column("sop_instance_uid", String(64), nullable=False),
    Column("sop_class_uid", String(64), nullable=False),
    Column("transfer_syntax_uid", String(64), nullable=False),
    Column("dataset_digest", String(64), nullable=False),
    Column("file", String(128), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("header", JSON, nullable=False),
    Column("own_result", Boolean, nullable=False),
    Column("association_id", String(32), nullable=False),
    Column("received_at", Float, nullable=False),
    UniqueConstraint("study_id", "sop_instance_uid"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("arrival_id", String(32), primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id"), nullable=False),
    Column("study_digest", String(64), nullable=False),
    Column("instances", Integer, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("superseded_by", String(32)),
    Column("received_again", Integer, nullable=False, default=0),
    Index("arrivals_study", "study_id"),
    Index("arrivals_made", "made_at"),
    Index("arrivals_verdict", "verdict"),
)
"""A complete study. ``verdict``: matched, no match, held (a workflow could not be judged)."""

pairs = Table(
    "pairs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("arrival_id", String(32), ForeignKey("arrivals.arrival_id"), nullable=False),
    Column("workflow", String(250), nullable=False),
    Column("dag_run_id", String(250), nullable=False),
    Column("destinations", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("releases", Integer, nullable=False, default=0),
    # When an offered or held pair may be leased, or when a lease ends.
    Column("due_at", Float, nullable=False),
    Column("confirmed_at", Float),
    Column("asked_at", Float),
    Column("closed_at", Float),
    UniqueConstraint("arrival_id", "workflow"),
    Index("pairs_state", "state", "due_at"),
    Index("pairs_run", "workflow", "dag_run_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("result_key", String(128), primary_key=True),
    Column("workflow", String(250), nullable=False),
    Column("dag_run_id", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Index("deliveries_run", "workflow", "dag_run_id"),
)

delivery_instances = Table(
    "delivery_instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("result_key", String(128), ForeignKey("deliveries.result_key"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("sop_instance_uid", String(64), nullable=False),
    Column("sop_class_uid", String(64), nullable=False),
    Column("transfer_syntax_uid", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("file", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("status", Integer),
    Column("attempts", Integer, nullable=False, default=0),
    Column("reason", Text, nullable=False, default=""),
    UniqueConstraint("result_key", "destination", "sop_instance_uid"),
    Index("delivery_instances_uid", "sop_instance_uid"),
    Index("delivery_instances_pending", "destination", "state"),
)
"""The receipts: one row for each (result, destination, instance)."""

rejections = Table(
    "rejections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("peer", String(64), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("called_ae_title", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
)
