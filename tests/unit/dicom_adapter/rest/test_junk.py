import json

import pytest

INSTANCE = {"file": "a", "sop_class_uid": "1.2", "sop_instance_uid": "1.2", "digest": "0" * 64}
DELIVERY = {"result_key": "k", "folder": "/x", "destinations": ["MYPACS"], "instances": [INSTANCE]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/leases", '{"lease_s": NaN}'),
        ("/leases", '{"lease_s": 86400}'),
        ("/leases", "[" * 100_000),
        ("/leases", b"\xff"),
        ("/leases", '{"limit": 1' + "0" * 5000 + "}"),
        ("/pairs/release", '{"arrival_id": "\\ud800", "workflow": "x"}'),
        ("/pairs/confirm", '{"arrival_id": "\\u0000", "workflow": "x", "dag_run_id": ""}'),
        ("/deliveries", json.dumps({**DELIVERY, "folder": "/x\0"})),
        ("/deliveries", json.dumps({**DELIVERY, "folder": "/" + "x" * 900})),
        ("/deliveries", json.dumps({**DELIVERY, "instances": [{**INSTANCE, "file": "a\0b"}]})),
        ("/deliveries", json.dumps({**DELIVERY, "instances": [None]})),
    ],
)
def test_junk_is_the_callers_fault(start_adapter, path, body):
    answer = start_adapter().client.post(f"/api/v1{path}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/offers?wait_s=nan", "/offers?wait_s=-1", "/studies?limit=0", "/studies?limit=1e9"])
def test_a_parameter_out_of_range_is_refused(start_adapter, path):
    assert start_adapter().client.get(f"/api/v1{path}").status_code == 422
