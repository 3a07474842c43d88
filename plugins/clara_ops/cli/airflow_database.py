"""``clara-ops init``: Airflow's database and the pools that every stage runs in; may be repeated."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PoolSpec:
    """One pool; a task of a pool that does not exist would wait for ever."""

    name: str
    slots: int
    description: str


def pools() -> tuple[PoolSpec, ...]:
    """The pools for this machine."""
    cores = os.cpu_count() or 1
    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    return (
        PoolSpec(name="stages", slots=cores, description="Stages without a GPU; as many at once as there are cores."),
        # Without a GPU one slot: inference on the CPU uses all cores by itself.
        PoolSpec(name="gpu", slots=max(gpus, 1), description="Stages that ask for a GPU; one slot is one GPU."),
    )


def initialise() -> None:
    """Create or migrate the database of the configured Airflow and create the pools that are missing.

    An existing pool keeps its slots: an operator may have changed them.
    """
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    with create_session() as session:
        existing = {pool.pool for pool in Pool.get_pools(session=session)}
        for spec in pools():
            if spec.name not in existing:
                # include_deferred: a deferred stage still holds its GPU.
                Pool.create_or_update_pool(
                    name=spec.name,
                    slots=spec.slots,
                    description=spec.description,
                    include_deferred=True,
                    session=session,
                )
