"""Patient and study attributes of a result: the source's, repaired where the source breaks the Standard."""

from collections.abc import Callable

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.valid_elements import decoded_element, is_valid

_IDENTITY = ("PatientName", "PatientID", "AccessionNumber", "StudyID")
"""Copied as they are, even where they break a rule: a PACS files the result by them. Type 2."""

_TYPE_2 = (
    *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName"),
    *("PatientBreedDescription", "PatientBreedCodeSequence", "BreedRegistrationSequence", "PatientSexNeutered"),
    *("ResponsiblePerson", "ResponsibleOrganization"),
    *("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialTimePointID"),
)
"""Type 2 and 2C of the Patient, General Study, Patient Study and Clinical Trial modules (PS3.3 C.7.1, C.7.2): an empty
value is kept, because it says "unknown"."""

_OTHERS = (
    *("ReferencedPatientSequence", "IssuerOfPatientID", "TypeOfPatientID", "IssuerOfPatientIDQualifiersSequence"),
    *("SourcePatientGroupIdentificationSequence", "GroupOfPatientsIdentificationSequence", "PatientBirthTime"),
    *("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar", "PatientAlternativeCalendar"),
    *("QualityControlSubject", "StrainDescription", "StrainNomenclature", "StrainStockSequence"),
    *("StrainAdditionalInformation", "StrainCodeSequence", "GeneticModificationsSequence", "OtherPatientNames"),
    *("OtherPatientIDsSequence", "EthnicGroupCodeSequence", "PatientSpeciesDescription", "PatientSpeciesCodeSequence"),
    *("ResponsiblePersonRole", "PatientComments", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "IssuerOfAccessionNumberSequence"),
    *("ReferringPhysicianIdentificationSequence", "ConsultingPhysicianName", "StudyDescription"),
    *("ConsultingPhysicianIdentificationSequence", "ProcedureCodeSequence", "PhysiciansOfRecord"),
    *("PhysiciansOfRecordIdentificationSequence", "NameOfPhysiciansReadingStudy"),
    *("PhysiciansReadingStudyIdentificationSequence", "ReferencedStudySequence", "RequestingService"),
    *("RequestingServiceCodeSequence", "ReasonForPerformedProcedureCodeSequence", "AdmittingDiagnosesDescription"),
    *("AdmittingDiagnosesCodeSequence", "PatientAge", "PatientSize", "PatientSizeCodeSequence"),
    *("PatientBodyMassIndex", "MeasuredAPDimension", "MeasuredLateralDimension", "PatientWeight", "MedicalAlerts"),
    *("Allergies", "Occupation", "SmokingStatus", "AdditionalPatientHistory", "PregnancyStatus"),
    *("LastMenstrualDate", "ReasonForVisit", "ReasonForVisitCodeSequence", "AdmissionID"),
    *("IssuerOfAdmissionIDSequence", "ServiceEpisodeID", "ServiceEpisodeDescription"),
    *("IssuerOfServiceEpisodeIDSequence", "PatientState", "ClinicalTrialSponsorName", "ClinicalTrialProtocolID"),
    *("IssuerOfClinicalTrialProtocolID", "OtherClinicalTrialProtocolIDsSequence", "IssuerOfClinicalTrialSiteID"),
    *("ClinicalTrialSubjectID", "IssuerOfClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"),
    *("IssuerOfClinicalTrialSubjectReadingID", "ClinicalTrialProtocolEthicsCommitteeName"),
    *("ClinicalTrialProtocolEthicsCommitteeApprovalNumber", "ClinicalTrialTimePointDescription"),
    *("LongitudinalTemporalOffsetFromEvent", "LongitudinalTemporalEventType"),
    *("ClinicalTrialTimePointTypeCodeSequence", "IssuerOfClinicalTrialTimePointID"),
    *("ConsentForClinicalTrialUseSequence", "TimezoneOffsetFromUTC"),
)
"""Everything else of these modules, and the time zone that their times are in. Left out where empty."""

_TYPE_2_ALWAYS = (*_IDENTITY, *_TYPE_2[:5])
"""Type 2 without a condition: they must be there, at least empty."""

MODULE_KEYWORDS = (*_IDENTITY, *_TYPE_2, *_OTHERS)
"""All that a result takes from the source, and from nowhere else."""

METHOD_NOT_STATED = "not stated by the source"
"""De-identification Method, Type 1C, where the source says that identity was removed but not how."""


def patient_and_study(source: Dataset, warn: Callable[[str], None]) -> Dataset:
    """The attributes of patient and study that a result of ``source`` carries.

    Args:
        source: Any instance of the source series; never changed, the result shares no element with it.
        warn: Called with a sentence for each repair; attributes are named, their values never.
    """
    copied = Dataset()
    for keyword in MODULE_KEYWORDS:
        if keyword not in source:
            continue
        element = decoded_element(source, keyword)
        if keyword in _IDENTITY and element is not None:
            if not is_valid(element):
                warn(f"the source's {keyword} is invalid: copied as it is, because results are filed by it")
            copied.add(element)
        elif element is None or not is_valid(element):
            is_type_2 = keyword in (*_IDENTITY, *_TYPE_2)
            warn(f"the source's {keyword} is invalid: {'written empty' if is_type_2 else 'left out'}")
            if is_type_2:
                copied.add_new(keyword, dictionary_VR(keyword), None)
        elif not element.is_empty or keyword in _TYPE_2:
            copied.add(element)
    missing = [keyword for keyword in _TYPE_2_ALWAYS if keyword not in copied]
    for keyword in missing:
        setattr(copied, keyword, None)
    if missing:
        warn(f"the source lacks {', '.join(missing)}: written empty")
    _repair_deidentification(copied, warn)
    return copied


def _repair_deidentification(copied: Dataset, warn: Callable[[str], None]) -> None:
    """PS3.3 C.7.1.1: PatientIdentityRemoved YES needs a method, as text or as code."""
    removed = copied.get("PatientIdentityRemoved") == "YES"
    if removed and "DeidentificationMethod" not in copied and "DeidentificationMethodCodeSequence" not in copied:
        copied.DeidentificationMethod = METHOD_NOT_STATED
        warn(f'the source states no DeidentificationMethod: written as "{METHOD_NOT_STATED}"')
