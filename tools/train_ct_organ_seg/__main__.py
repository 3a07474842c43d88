"""``python -m tools.train_ct_organ_seg {cache,train,evaluate}``: make the weights of the bundle, and measure them."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import torch
from monai.utils import set_determinism

from tools.train_ct_organ_seg import data, evaluation, training


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_ct_organ_seg", description=__doc__)
    parser.add_argument("command", choices=("cache", "train", "evaluate"))
    parser.add_argument("--cache", type=Path, default=Path(".clara/ct_organ_seg"), help="folder of prepared phantoms")
    parser.add_argument("--bundle", type=Path, default=data.BUNDLE)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--threads", type=int, default=1, help="more help only on idle cores")
    parser.add_argument("--validate", action="store_true", help="evaluate the validation phantoms, not the test's")
    return parser.parse_args(argv)


def train(arguments: argparse.Namespace) -> None:
    """Train on the training phantoms and write ``models/model.pt``."""
    paths = data.cache(data.TRAINING_SEEDS, arguments.cache, arguments.threads)
    config = data.load_config(arguments.bundle)
    set_determinism(arguments.seed)
    network = config.get_parsed_content("network_def")
    plan = training.TrainingPlan(
        steps=arguments.steps,
        seed=arguments.seed,
        patch=tuple(config["inferer::roi_size"]),
        spacing_mm=tuple(config["spacing_mm"]),
    )
    trained = training.train(network, training.load_pairs(paths), plan)
    target = arguments.bundle / "models" / "model.pt"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    torch.save(trained.state_dict(), partial)
    os.replace(partial, target)


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure the bundle and print the table as JSON."""
    seeds = data.VALIDATION_SEEDS if arguments.validate else data.TEST_SEEDS
    rows = evaluation.evaluate([data.held_out_spec(seed) for seed in seeds], arguments.bundle)
    print(json.dumps(evaluation.summary(rows), indent=4))


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = parse_arguments(argv)
    torch.set_num_threads(arguments.threads)
    started = time.monotonic()
    if arguments.command == "cache":
        data.cache(data.TRAINING_SEEDS, arguments.cache, arguments.threads)
    elif arguments.command == "train":
        train(arguments)
    else:
        evaluate(arguments)
    print(f"{arguments.command}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
