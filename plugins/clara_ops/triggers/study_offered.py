"""Waits, in Airflow's triggerer, until the DICOM adapter has something for the dispatcher. It takes nothing.

Errors: whatever goes wrong between here and the adapter is an outage, permanent ones as well (a wrong token is
corrected by a person, at any time, in the connection). The trigger says so once and asks again for as long as it takes;
a trigger that failed would only make the dispatcher fail a run a second.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from clara_ops.hooks.adapter import AdapterHook
from clara_ops.hooks.adapter_errors import AdapterError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""An adapter that restarts is found again at once, one that is away for a weekend costs two requests a minute."""


class StudyOfferedTrigger(BaseTrigger):
    """Fires with ``{"offers": n, "overdue": m}`` as soon as either is not 0.

    Args:
        conn_id: Airflow connection of the adapter.
        wait_s: How long one request waits at the adapter, 0..60.
    """

    def __init__(self, conn_id: str, wait_s: int = 20) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow types neither this
        self.conn_id = conn_id
        self.wait_s = wait_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments to make this trigger again."""
        return f"{__name__}.StudyOfferedTrigger", {"conn_id": self.conn_id, "wait_s": self.wait_s}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask until there is something."""
        hook = AdapterHook(self.conn_id)
        outage: str | None = None
        pause_s = FIRST_PAUSE_S
        clock = asyncio.get_running_loop().time
        while True:
            asked_at = clock()
            try:
                found = await hook.offers(self.wait_s)
            except AdapterError as error:
                if outage is None:
                    outage = str(error)
                    self.log.warning("%s Asking again until it answers.", outage)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if outage is not None:
                self.log.info("The DICOM adapter answers again.")
                outage, pause_s = None, FIRST_PAUSE_S
            if found["offers"] or found["overdue"]:
                yield TriggerEvent(found)  # type: ignore[no-untyped-call]  # nor this
                return
            if clock() - asked_at < FIRST_PAUSE_S:
                await asyncio.sleep(FIRST_PAUSE_S)  # an adapter that shuts down, or wait_s = 0, does not wait
