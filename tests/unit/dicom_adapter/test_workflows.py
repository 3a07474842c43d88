import os

from clara_stages.dicom_adapter.workflows import WorkflowCatalog, parse_workflow


def fault(tmp_path, text, name="OrganSeg"):
    return parse_workflow(tmp_path / f"{name}.yaml", text).fault


def test_a_workflow_file_is_read_as_far_as_its_trigger(tmp_path, make_workflow):
    text = make_workflow("OrganSeg", 'study.modalities == ["CT"]', workflow_id="ABC") + "stages: {read: {image: x}}\n"
    workflow = parse_workflow(tmp_path / "OrganSeg.yaml", text)
    assert (workflow.name, workflow.workflow_id, workflow.called_ae_titles) == ("OrganSeg", "abc", ("OrganSeg",))
    assert workflow.when == 'study.modalities == ["CT"]'
    assert workflow.fault == ""


def test_faults_come_with_file_and_line(tmp_path, make_workflow):
    assert "OrganSeg.yaml:4: 'study.modalites == []' names the unknown 'modalites'" in fault(
        tmp_path, make_workflow("OrganSeg", "study.modalites == []")
    )
    assert "OrganSeg.yaml:2:" in fault(tmp_path, "workflow: [OrganSeg\ntrigger: x: y\n")
    assert "OrganSeg.yaml:2: trigger is no mapping" in fault(tmp_path, "workflow: OrganSeg\ntrigger: all\n")
    assert "OrganSeg.yaml:1: workflow is 'Other', expected the file's name 'OrganSeg'" in fault(
        tmp_path, make_workflow("Other")
    )
    assert "called_ae_titles is no list" in fault(
        tmp_path, "workflow: OrganSeg\ntrigger: {called_ae_titles: OrganSeg}\n"
    )
    assert "workflow is ''" in fault(tmp_path, "just text")


def test_a_workflow_without_a_trigger_is_started_by_hand_and_holds_nothing(tmp_path):
    by_hand = parse_workflow(tmp_path / "OrganSeg.yaml", "workflow: OrganSeg\n")
    assert (by_hand.fault, by_hand.called_ae_titles) == ("", ())


def test_the_ae_titles_of_a_broken_file_are_kept_where_they_can_be_read(tmp_path, make_workflow):
    broken = parse_workflow(tmp_path / "OrganSeg.yaml", make_workflow("OrganSeg", "study.nothing"))
    assert broken.fault
    assert broken.called_ae_titles == ("OrganSeg",)
    assert parse_workflow(tmp_path / "OrganSeg.yaml", "{").called_ae_titles is None


def test_a_changed_added_or_removed_file_is_seen(tmp_path, make_workflow):
    catalog = WorkflowCatalog(tmp_path)
    assert catalog.load() == ()
    path = tmp_path / "OrganSeg.yaml"
    path.write_text(make_workflow("OrganSeg", "study.instances > 1"))
    assert catalog.load()[0].when == "study.instances > 1"
    path.write_text(make_workflow("OrganSeg", "study.instances > 22"))
    os.utime(path, ns=(1, 1))
    assert catalog.load()[0].when == "study.instances > 22"
    path.unlink()
    assert catalog.load() == ()


def test_two_files_with_one_id_are_both_at_fault(tmp_path, make_workflow):
    for name in ("A", "B"):
        (tmp_path / f"{name}.yaml").write_text(make_workflow(name, workflow_id="11111111-1111-1111-1111-111111111111"))
    assert all("is also another file's" in item.fault for item in WorkflowCatalog(tmp_path).load())


def test_a_file_that_is_not_utf_8_is_at_fault_and_stops_nobody(tmp_path, make_workflow):
    (tmp_path / "A.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "B.yaml").write_text(make_workflow("B"))
    first, second = WorkflowCatalog(tmp_path).load()
    assert "not UTF-8" in first.fault
    assert second.fault == ""
