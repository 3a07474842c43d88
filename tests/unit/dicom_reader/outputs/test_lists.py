import json

import pytest

from clara_stages.dicom_reader.outputs.lists import write_source
from clara_stages.kit import BadInputError
from tests.support.reading import plans_of, run_stage
from tests.support.series import uid, write_ct_series, write_enhanced_series, write_series


def test_a_multi_frame_instance_is_one_source(tmp_path):
    write_enhanced_series(tmp_path / "in")
    run_stage(tmp_path / "in", tmp_path / "out")
    instances = json.loads((tmp_path / "out" / "source" / "instances.json").read_text())["instances"]
    assert [item["file"] for item in instances] == ["000001.dcm"]
    assert (tmp_path / "out" / "source" / "000001.dcm").samefile(tmp_path / "in" / "series.dcm")


@pytest.mark.parametrize(("volumes", "times"), [("one", 1), ("4d", 3)])
def test_the_source_of_one_volume_says_which_image_is_which(tmp_path, volumes, times):
    write_enhanced_series(tmp_path / "in", times=times)
    series = run_stage(tmp_path / "in", tmp_path / "out", volumes=volumes)[1]
    assert json.loads((tmp_path / "out" / "source" / "series.json").read_text()) == series
    assert [item["frame"] for item in series["slices"]] == list(range(1, 6 * times + 1))


def test_a_source_that_is_gone_is_named_by_its_uid(tmp_path):
    paths = write_ct_series(tmp_path / "Jones")
    plan = plans_of(tmp_path / "Jones")[0]
    paths[2].unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInputError) as caught:
        write_source(tmp_path / "out", plan.frames)
    assert uid("study", "series", 2) in caught.value.message
    assert "Jones" not in caught.value.message


def write_echoes(folder):
    for number, echo_ms in enumerate((10, 20), start=1):

        def change(k, dataset, number=number, echo_ms=echo_ms):
            dataset.EchoTime, dataset.EchoNumbers = str(echo_ms), number
            dataset.SOPInstanceUID = uid("echo", number, k)
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

        write_series(folder / str(number), modality="MR", change=change)


def test_all_volumes_lie_in_folders_that_the_list_names(tmp_path):
    write_echoes(tmp_path / "in")
    with pytest.raises(FileNotFoundError, match=r"volume/series\.json"):
        run_stage(tmp_path / "in", tmp_path / "out", volumes="all")
    out = tmp_path / "out"
    entries = json.loads((out / "volumes" / "volumes.json").read_text())["volumes"]
    assert [item["name"] for item in entries] == ["echo1-te10ms", "echo2-te20ms"]
    assert {item["series_instance_uid"] for item in entries} == {uid("study", "series")}
    assert sorted(path.name for path in out.iterdir()) == ["source", "volumes"]
    for item in entries:
        names = {path.name for path in (out / "volumes" / item["folder"]).iterdir()}
        assert names == {"volume.nii", "series.json"}
        series = json.loads((out / "volumes" / item["folder"] / "series.json").read_text())
        assert (series["volume"], len(series["slices"])) == (item["name"], 6)
    instances = json.loads((out / "source" / "instances.json").read_text())["instances"]
    assert len({item["sop_instance_uid"] for item in instances}) == 12
    assert not (out / "source" / "series.json").exists()
