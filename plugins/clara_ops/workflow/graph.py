"""Which stage waits for which: from the data they read, and from ``after``."""

from graphlib import CycleError, TopologicalSorter

from clara_ops.workflow.spec import BundleInput, Stage, Workflow


def output_reference(reference: "str | BundleInput") -> tuple[str, str] | None:
    """``("read", "volume")`` for ``read.volume``; None for the payload, a bundle or anything else."""
    if isinstance(reference, BundleInput):
        return None
    stage, dot, output = reference.partition(".")
    return (stage, output) if dot and stage != "payload" else None


def upstream(stage: Stage) -> list[str]:
    """Names of the stages that this one waits for, sorted."""
    read = {found[0] for found in map(output_reference, stage.inputs.values()) if found}
    return sorted(read.union(stage.after))


def run_order(workflow: Workflow) -> list[str]:
    """Stage names, each after those it waits for; ties in the order of the file.

    Raises:
        CycleError: Stages wait for each other; ``args[1]`` is the circle.
    """
    waits_for = {
        name: [up for up in upstream(stage) if up in workflow.stages] for name, stage in workflow.stages.items()
    }
    return list(TopologicalSorter(waits_for).static_order())


def find_cycle(workflow: Workflow) -> list[str]:
    """The stages of one circle, first and last the same; empty where there is none."""
    try:
        run_order(workflow)
    except CycleError as error:
        return list(error.args[1])
    return []
