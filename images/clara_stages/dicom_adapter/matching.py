"""Which workflows a study starts: rules of the workflow files, and forced matches of the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clara_stages.dicom_adapter.config import AdapterConfig
from clara_stages.dicom_adapter.config.problems import ConfigError, Problem, suggest
from clara_stages.dicom_adapter.ledger.arrivals import HELD, MATCHED, NO_MATCH, Judgement, Match
from clara_stages.dicom_adapter.workflows import Workflow, WorkflowCatalog
from clara_stages.kit.contract.rules import RuleError, evaluate_rule


@dataclass(frozen=True)
class Matcher:
    """Judges studies by the workflow files as they are now."""

    config: AdapterConfig
    catalog: WorkflowCatalog

    def judge(self, facts: Mapping[str, Any]) -> Judgement:
        """What the workflows say to a study, by its facts (``build_study_facts``)."""
        try:
            workflows = self.catalog.load()
        except OSError as error:
            reason = f"{self.catalog.folder} cannot be read: {error.strerror}; mount it, or correct --workflows"
            return Judgement(verdict=HELD, reason=reason)
        return judge(workflows, self.config, facts)

    def check_forced_matches(self) -> None:
        """Refuse rows of ``workflows`` whose workflow no file has.

        Raises:
            ConfigError: With every such row.
            OSError: The folder of workflows cannot be read.
        """
        known = {workflow.workflow_id for workflow in self.catalog.load() if workflow.workflow_id}
        problems = [
            Problem(
                file=self.config.file,
                line=row.line,
                found=f"the row {row.name!r} of 'workflows' names the workflow {row.workflow!r}",
                expected=f"the id of a file in {self.catalog.folder}",
                remedy=suggest(row.workflow, known),
            )
            for row in self.config.forced_matches
            if row.workflow not in known
        ]
        if problems:
            raise ConfigError(problems)


def judge(workflows: tuple[Workflow, ...], config: AdapterConfig, facts: Mapping[str, Any]) -> Judgement:
    """Ask every workflow that serves the study's called AE title.

    A workflow that cannot be judged (its file is broken, its rule fails on these facts) holds the study; the others
    go on. A broken file whose AE titles cannot be read holds only a study that nothing else matched.
    """
    title = str(facts["called_ae_title"])
    served = config.scp.served(title)
    matches: list[Match] = []
    refused: list[str] = []
    held: list[str] = []
    unread: list[str] = []
    for workflow in workflows:
        forced = _forced_destinations(config, title, workflow)
        if forced is None and workflow.called_ae_titles is not None and title not in workflow.called_ae_titles:
            continue
        destinations = forced if forced is not None else served.destinations if served else ()
        if workflow.fault:
            (unread if workflow.called_ae_titles is None and forced is None else held).append(workflow.fault)
            continue
        try:
            if forced is not None or not workflow.when or evaluate_rule(workflow.when, study=facts):
                matches.append(Match(workflow=workflow.name, destinations=destinations))
            else:
                refused.append(f"{workflow.name}: {workflow.when} is false")
        except RuleError as error:
            held.append(f"{workflow.name}: {error}")
        except Exception as error:  # whatever a rule does, it holds this study and nothing else
            held.append(f"{workflow.name}: {workflow.when!r} fails with {type(error).__name__}; correct the rule")
    if unread and not matches:
        held += unread
    if held:
        return Judgement(verdict=HELD, reason="; ".join(held), matches=tuple(matches))
    if matches:
        return Judgement(verdict=MATCHED, matches=tuple(matches))
    return Judgement(verdict=NO_MATCH, reason="; ".join(refused) or f"no workflow serves the AE title {title}")


def arrival_destinations(config: AdapterConfig, title: str) -> tuple[str, ...]:
    """Every destination that results of studies sent to an AE title may go to."""
    served = config.scp.served(title)
    rows = [row.destination_name for row in config.forced_matches if row.clara_ae_title == title]
    return tuple(dict.fromkeys([*(served.destinations if served else ()), *rows]))


def _forced_destinations(config: AdapterConfig, title: str, workflow: Workflow) -> tuple[str, ...] | None:
    rows = [
        row.destination_name
        for row in config.forced_matches
        if row.clara_ae_title == title and workflow.workflow_id and row.workflow == workflow.workflow_id
    ]
    return tuple(dict.fromkeys(rows)) if rows else None
