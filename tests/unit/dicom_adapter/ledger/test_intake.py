from sqlalchemy import func, select

from clara_stages.dicom_adapter.ledger import intake
from clara_stages.dicom_adapter.ledger.schema import rejections


def test_a_stranger_that_never_tires_does_not_fill_the_ledger(ledger, monkeypatch):
    monkeypatch.setattr(intake, "MAX_REJECTIONS", 3)
    for number in range(5):
        ledger.write(
            lambda c, number=number: intake.record_rejection(
                c, peer="10.0.0.9", calling="X", called="Y", reason=f"knock {number}", remedy=""
            )
        )
    assert ledger.read(lambda c: c.execute(select(func.count()).select_from(rejections)).scalar()) == 3
    assert ledger.read(lambda c: c.execute(select(func.min(rejections.c.reason))).scalar()) == "knock 2"
