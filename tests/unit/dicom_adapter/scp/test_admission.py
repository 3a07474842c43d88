import pytest

from clara_stages.dicom_adapter.config import Scp, ServedAeTitle, Source
from clara_stages.dicom_adapter.scp.admission import Admission


def admission(*sources, reject=True):
    return Admission(
        Scp(
            ae_titles=(ServedAeTitle(ae_title="OrganSeg"),),
            sources=tuple(Source(host_ip=host, ae_title=title) for host, title in sources),
            reject_unknown_sources=reject,
            max_associations=2,
        )
    )


def refuse(rules, peer="10.1.2.3", calling="CT1", called="OrganSeg"):
    return rules.refuse(peer=peer, calling=calling, called=called)


@pytest.mark.parametrize("host", ["10.1.2.3", "10.0.0.0/8", "10.1.2.3/32", "10.1.2.3/8"])
def test_a_source_is_an_address_or_a_network(host):
    assert refuse(admission((host, "CT1"))) is None
    assert refuse(admission((host, "*"))) is None
    assert refuse(admission((host, "CT1")), peer="::ffff:10.1.2.3") is None


def test_a_source_may_be_a_name():
    rules = admission(("localhost", "CT1"), ("no-such-host.invalid", "CT1"))
    assert refuse(rules, peer="127.0.0.1") is None
    assert refuse(rules, peer="10.1.2.3") is not None


@pytest.mark.parametrize(("peer", "calling"), [("11.1.2.3", "CT1"), ("10.1.2.3", "CT2"), ("10.1.2.3", "ct1")])
def test_a_stranger_is_rejected_with_the_line_that_would_allow_it(peer, calling):
    refusal = refuse(admission(("10.0.0.0/8", "CT1")), peer, calling)
    assert (refusal.result, refusal.source, refusal.diagnostic) == (1, 1, 3)
    assert refusal.remedy == f"add - host-ip: {peer}, ae-title: {calling} under dicom.scp.sources"


def test_strangers_are_welcome_where_the_configuration_says_so():
    assert refuse(admission(reject=False)) is None


def test_an_unknown_called_ae_title_is_rejected_before_the_sender_is_looked_at():
    refusal = refuse(admission(), called="Other")
    assert (refusal.result, refusal.source, refusal.diagnostic) == (1, 1, 7)
    assert "expected one of OrganSeg" in refusal.reason


def test_one_association_too_many_is_rejected_for_now():
    assert admission().refuse_surplus(1) is None
    refusal = admission().refuse_surplus(2)
    assert (refusal.result, refusal.source, refusal.diagnostic) == (2, 3, 2)
