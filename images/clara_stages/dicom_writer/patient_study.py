"""Patient and study attributes of a result: the source's, repaired where the source breaks the Standard."""

from collections.abc import Callable

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

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

_ENUMERATED = {"PatientSex": {"M", "F", "O"}, "PatientIdentityRemoved": {"YES", "NO"}}
"""Enumerated Values (PS3.3 C.7.1.1)."""

METHOD_NOT_STATED = "not stated by the source"
"""De-identification Method, Type 1C, where the source says that identity was removed but not how."""


def patient_and_study(source: Dataset, warn: Callable[[str], None]) -> Dataset:
    """The attributes of patient and study that a result of ``source`` carries.

    Args:
        source: Any instance of the source series.
        warn: Called with a sentence for each repair; attributes are named, their values never.
    """
    copied = Dataset()
    for keyword in (*_IDENTITY, *_TYPE_2, *_OTHERS):
        if keyword not in source:
            continue
        element = _element(source, keyword)
        if keyword in _IDENTITY and element is not None:
            if not _is_valid(element, keyword):
                warn(f"the source's {keyword} is invalid: copied as it is, because results are filed by it")
            copied.add(element)
        elif element is None or not _is_valid(element, keyword):
            warn(f"the source's {keyword} is invalid: {'written empty' if keyword in _TYPE_2 else 'left out'}")
            if keyword in (*_IDENTITY, *_TYPE_2):
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


def _element(source: Dataset, keyword: str) -> DataElement | None:
    """The decoded element, or None where its bytes cannot be decoded."""
    try:
        return source[keyword]
    except Exception:  # whatever pydicom raises for these bytes, the attribute is unusable
        return None


def _is_valid(element: DataElement, keyword: str) -> bool:
    """Whether every value obeys its VR and multiplicity; an empty element does."""
    if element.is_empty:
        return True
    if element.VR == "SQ":
        return all(_is_valid(inner, inner.keyword) for item in element.value for inner in item if inner.VR != "UN")
    values = element.value if element.VM > 1 else [element.value]
    if element.VM > 1 and keyword and dictionary_VM(keyword) == "1":
        return False
    if keyword in _ENUMERATED and element.value not in _ENUMERATED[keyword]:
        return False
    if element.VR in ("DS", "IS"):  # converted to numbers: the conversion was the check
        return True
    try:
        for value in values:
            validate_value(element.VR, value, config.RAISE)
    except ValueError:
        return False
    return True


def _repair_deidentification(copied: Dataset, warn: Callable[[str], None]) -> None:
    """PS3.3 C.7.1.1: PatientIdentityRemoved YES needs a method, as text or as code."""
    removed = copied.get("PatientIdentityRemoved") == "YES"
    if removed and "DeidentificationMethod" not in copied and "DeidentificationMethodCodeSequence" not in copied:
        copied.DeidentificationMethod = METHOD_NOT_STATED
        warn(f'the source states no DeidentificationMethod: written as "{METHOD_NOT_STATED}"')
