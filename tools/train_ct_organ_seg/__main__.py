"""``python -m tools.train_ct_organ_seg {cache,train,refine,evaluate}``: make the bundle's weights and measure them."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from monai.utils import set_determinism

from tools.train_ct_organ_seg import data, evaluation, training

if TYPE_CHECKING:
    from collections.abc import Sequence


DEFAULT_STEPS = {"train": 2600, "refine": 3000}

TEST_SETS = {"validation": data.VALIDATION_SEEDS, "test": data.TEST_SEEDS, "second-test": data.SECOND_TEST_SEEDS}


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_ct_organ_seg", description=__doc__)
    parser.add_argument("command", choices=("cache", "train", "refine", "evaluate"))
    parser.add_argument("--cache", type=Path, default=Path(".clara/ct_organ_seg"), help="folder of prepared phantoms")
    parser.add_argument("--bundle", type=Path, default=data.BUNDLE)
    parser.add_argument("--steps", type=int, default=None, help="2600 to train, 3000 to refine if not given")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--threads", type=int, default=1, help="more help only on idle cores")
    parser.add_argument("--on", choices=TEST_SETS, default="test", help="phantoms to evaluate")
    return parser.parse_args(argv)


def train(arguments: argparse.Namespace) -> None:
    """Train on the training phantoms and write ``models/model.pt``."""
    _train(arguments, data.load_config(arguments.bundle).get_parsed_content("network_def"), data.TRAINING_SEEDS)


def refine(arguments: argparse.Namespace) -> None:
    """Train the weights in ``models/model.pt`` further, with more arterial phantoms, and replace them."""
    config = data.load_config(arguments.bundle)
    config["device"] = "cpu"
    seeds = [*data.TRAINING_SEEDS, *data.REFINEMENT_SEEDS]
    _train(arguments, config.get_parsed_content("network"), seeds, learning_rate=1.5e-3, tumour_weight=4.0)


def _train(arguments: argparse.Namespace, network: torch.nn.Module, seeds: Sequence[int], **settings: float) -> None:
    paths = data.cache(seeds, arguments.cache, arguments.threads)
    config = data.load_config(arguments.bundle)
    plan = training.TrainingPlan(
        steps=arguments.steps or DEFAULT_STEPS[arguments.command],
        seed=arguments.seed,
        patch=tuple(config["inferer::roi_size"]),
        spacing_mm=tuple(config["spacing_mm"]),
        **settings,
    )
    trained = training.train(network, training.load_pairs(paths), plan)
    target = arguments.bundle / "models" / "model.pt"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    torch.save(trained.state_dict(), partial)
    os.replace(partial, target)


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure the bundle and print the table as JSON."""
    specs = [data.held_out_spec(seed) for seed in TEST_SETS[arguments.on]]
    print(json.dumps(evaluation.summary(evaluation.evaluate(specs, arguments.bundle)), indent=4))


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = parse_arguments(argv)
    torch.set_num_threads(arguments.threads)
    set_determinism(arguments.seed)
    started = time.monotonic()
    if arguments.command == "cache":
        data.cache([*data.TRAINING_SEEDS, *data.REFINEMENT_SEEDS], arguments.cache, arguments.threads)
    else:
        {"train": train, "refine": refine, "evaluate": evaluate}[arguments.command](arguments)
    print(f"{arguments.command}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
