"""Sending a study by C-STORE, each file in the transfer syntax it is stored in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetdicom import AE, build_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pynetdicom.association import Association

    from tools.demo.study import Instance, Study

CALLING_AE_TITLE = "DEMO"

MAX_CONTEXTS = 128
"""An association carries no more presentation contexts (PS3.8 section 9.3.2: odd numbers from 1 to 255)."""

ASSOCIATION_TIMEOUT_S = 30
"""The adapter stores durably before it answers; a slow disk needs this."""


class SendError(Exception):
    """The study could not be sent whole."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """When a study was sent: seconds since the epoch of the first request and the last response."""

    first_request_at: float
    last_response_at: float


def send_study(study: Study, port: int, called_ae_title: str, progress: Callable[[int], None]) -> Sent:
    """Send every instance to localhost.

    Raises:
        SendError: The adapter refused the association, a presentation context or an instance.
    """
    first = time.time()
    done = 0
    for group in _groups(study.instances):
        association = _associate(group, port, called_ae_title)
        try:
            for instance in group:
                _store(association, instance)
                done += 1
                progress(done)
        finally:
            association.release()
    return Sent(first_request_at=first, last_response_at=time.time())


def _groups(instances: tuple[Instance, ...]) -> Iterator[list[Instance]]:
    """The instances in order, cut where an association would need too many presentation contexts."""
    group: list[Instance] = []
    contexts: set[tuple[str, str]] = set()
    for instance in instances:
        context = (instance.sop_class_uid, instance.transfer_syntax_uid)
        if context not in contexts and len(contexts) == MAX_CONTEXTS:
            yield group
            group, contexts = [], set()
        contexts.add(context)
        group.append(instance)
    yield group


def _associate(group: list[Instance], port: int, called_ae_title: str) -> Association:
    contexts = dict.fromkeys((instance.sop_class_uid, instance.transfer_syntax_uid) for instance in group)
    ae = AE(ae_title=CALLING_AE_TITLE)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ASSOCIATION_TIMEOUT_S
    requested = [build_context(sop_class, syntax) for sop_class, syntax in contexts]
    association = ae.associate("127.0.0.1", port, contexts=requested, ae_title=called_ae_title)
    if not association.is_established:
        primitive = association.acceptor.primitive
        reason = getattr(primitive, "reason_str", "") if primitive else "no answer"
        raise SendError(
            f"the adapter refused the association to {called_ae_title} on port {port} ({reason or 'aborted'}); "
            "its log says why"
        )
    return association


def _store(association: Association, instance: Instance) -> None:
    try:
        status = association.send_c_store(instance.path)
    except ValueError as error:  # no accepted presentation context
        raise SendError(
            f"the adapter does not accept {instance.path.name}: SOP class {instance.sop_class_uid} in transfer syntax "
            f"{instance.transfer_syntax_uid}. Take it out of the folder. ({error})"
        ) from error
    except RuntimeError as error:
        raise SendError(f"the association ended before {instance.path.name} was sent: {error}") from error
    # 0xBxxx is stored, with a warning (PS3.4 table B.2-1).
    if "Status" not in status:
        raise SendError(f"no answer to {instance.path.name} within {ASSOCIATION_TIMEOUT_S} s; see the adapter's log")
    if status.Status != 0 and status.Status >> 12 != 0xB:
        raise SendError(f"{instance.path.name} was answered with status 0x{status.Status:04X}; see the adapter's log")
