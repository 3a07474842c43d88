from pathlib import Path

import pytest

from clara_stages.dicom_adapter.config import ConfigError, load_config

CLARA = """\
dicom:
  scp:
    port: 104
    ae-titles:
      - ae-title: OrganSeg
        processors:
          - "Nvidia.Clara.Dicom.Processors.JobProcessor, Nvidia.Clara.DicomAdapter"
      - ae-title: LiverSeg
        processors:
          - "Nvidia.Clara.Dicom.Processors.JobProcessor, Nvidia.Clara.DicomAdapter"
    max-associations: 2
    verification:
      enabled: true
      transfer-syntaxes:
        - "1.2.840.10008.1.2" #Implicit VR Little Endian
        - "1.2.840.10008.1.2.1" #Explicit VR Little Endian
        - "1.2.840.10008.1.2.2" #Explicit VR Big Endian
    log-dimse-datasets: false
    reject-unknown-sources: true
    sources:
      - host-ip: 10.110.46.25
        ae-title: ORTHANC
  scu:
    ae-title: ClaraSCU
    max-associations: 2
    destinations:
      - name: MYPACS
        host-ip: 10.110.46.25
        port: 1004
        ae-title: ORTHANC
workflows:
  - name: user-workflow
    clara-ae-title: OrganSeg
    destination-name: MYPACS
    workflow: 7b413e24-d018-4689-8c41-73272f6649d4
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "dicom-server-config.yaml"
    path.write_text(text)
    return load_config(path)


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    return [str(item).removeprefix(f"{tmp_path}/dicom-server-config.yaml:") for item in error.value.problems]


def test_the_file_of_clara_deploy_loads_as_it_is(tmp_path):
    config = load(tmp_path, CLARA)
    assert [item.ae_title for item in config.scp.ae_titles] == ["OrganSeg", "LiverSeg"]
    assert config.scp.port == 104
    assert config.scp.max_associations == 2
    assert config.scp.verification.transfer_syntaxes[2] == "1.2.840.10008.1.2.2"
    assert config.scu.destination("MYPACS").port == 1004
    assert config.forced_matches[0].workflow == "7b413e24-d018-4689-8c41-73272f6649d4"
    assert config.scp.ae_titles[0].quiet_period_s == 10


def test_the_example_configuration_loads():
    config = load_config(Path(__file__).parents[4] / "config" / "dicom-server-config.yaml")
    assert [item.ae_title for item in config.scp.ae_titles] == ["OrganSeg", "LiverSeg", "TissueSeg"]
    assert {item.quiet_period_s for item in config.scp.ae_titles} == {2}
    assert config.scp.sources[0].ae_title == "*"


def test_an_unknown_key_comes_with_its_line_and_the_nearest_known_one(tmp_path):
    (fault,) = faults(
        tmp_path, CLARA.replace("max-associations: 2\n    verification", "max-asociations: 2\n    verification")
    )
    assert fault.startswith("11: 'scp' has the unknown key 'max-asociations'")
    assert "Did you mean 'max-associations'?" in fault


def test_all_faults_are_named_at_once_in_the_order_of_their_lines(tmp_path):
    text = (
        CLARA.replace("port: 104", "port: 104000")
        .replace("ae-title: LiverSeg", "ae-title: OrganSeg")
        .replace("host-ip: 10.110.46.25\n        port", "host-ip:\n        port")
        .replace("log-dimse-datasets: false", "log-dimse-datasets: sometimes")
    )
    found = faults(tmp_path, text)
    assert [item.partition(":")[0] for item in found] == ["3", "8", "18", "28"]
    assert "'port' of 'scp' is '104000'; expected a whole number from 1 to 65535" in found[0]
    assert "the AE title 'OrganSeg' again, after line 5" in found[1]
    assert "'sometimes'; expected true or false" in found[2]
    assert "'host-ip' of an entry of 'destinations' is empty" in found[3]


def test_an_ae_title_of_17_characters_is_refused(tmp_path):
    (fault,) = faults(tmp_path, CLARA.replace("ae-title: LiverSeg", "ae-title: LiverSegmentation"))
    assert fault.startswith("8: ")
    assert "'LiverSegmentation' with 17 characters; expected 1 to 16 characters" in fault


@pytest.mark.parametrize("host", ["<orthanc_ip>", "10.0.0.300", "10.0.0", "a b"])
def test_a_host_that_is_neither_address_nor_name_is_refused(tmp_path, host):
    (fault,) = faults(
        tmp_path, CLARA.replace("host-ip: 10.110.46.25\n        ae-title", f"host-ip: {host}\n        ae-title")
    )
    assert fault.startswith("21: ")
    assert "an address, a host name or a network such as 10.0.0.0/8" in fault


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.0/8", "localhost", "pacs.example.org", "::1", "fd00::/8"])
def test_addresses_networks_and_names_are_sources(tmp_path, host):
    text = CLARA.replace("host-ip: 10.110.46.25\n        ae-title", f'host-ip: "{host}"\n        ae-title')
    assert load(tmp_path, text).scp.sources[0].host_ip == host


def test_a_foreign_processor_class_is_refused_with_the_known_one(tmp_path):
    (fault,) = faults(tmp_path, CLARA.replace("Processors.JobProcessor", "Processors.Other", 1))
    assert fault.startswith("7: the processor 'Nvidia.Clara.Dicom.Processors.Other, Nvidia.Clara.DicomAdapter'")
    assert "Nvidia.Clara.Dicom.Processors.JobProcessor, Nvidia.Clara.DicomAdapter" in fault.partition("expected")[2]


def test_a_row_of_workflows_that_names_nothing_known_is_refused(tmp_path):
    text = CLARA.replace("clara-ae-title: OrganSeg", "clara-ae-title: CT_AI").replace(
        "destination-name: MYPACS", "destination-name: DCM4CHEE"
    )
    first, second = faults(tmp_path, text)
    assert first.startswith("33: 'clara-ae-title' of a row of 'workflows' is 'CT_AI'")
    assert second.startswith("34: 'destination-name' of a row of 'workflows' is 'DCM4CHEE'")
    assert "Known: MYPACS." in second


def test_an_unknown_destination_of_an_ae_title_is_refused(tmp_path):
    text = CLARA.replace("- ae-title: LiverSeg\n", "- ae-title: LiverSeg\n        destinations: [MYPACKS]\n")
    (fault,) = faults(tmp_path, text)
    assert fault.startswith("9: an entry of 'ae-titles' names the destination 'MYPACKS'")
    assert "Did you mean 'MYPACS'?" in fault


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path):
    (fault,) = faults(tmp_path, "dicom:\n  scp: [1\n  scu: 2\n")
    assert "expected valid YAML" in fault


@pytest.mark.parametrize("text", ["", "- a\n", "text\n", "dicom:\n", "dicom: {scp: 3}\n"])
def test_a_file_without_substance_is_refused(tmp_path, text):
    assert faults(tmp_path, text)
