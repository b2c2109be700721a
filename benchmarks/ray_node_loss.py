"""Run a small study on a Ray cluster of two machines and take one away in the middle.

    python -m benchmarks.ray_node_loss --out benchmarks/results/ray_node_loss.json

The cluster is a local one (``ray.cluster_utils``); a node has its own processes, and the lost
one is ended without a chance to say so, while it works at a stack. Records must be those of the
same study on the local engine but for seconds and commit, and no record may be written twice.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.kill_study import differences, new_folder
from lightning_cifar.__main__ import main as run_main
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, versions

LIMIT = 900  # seconds for the study on the cluster
OBJECT_STORE = 100 * 2**20  # bytes; tasks pass a few lines to one another


def arguments_in(folder: Path, engine: Sequence[str]) -> list[str]:
    """The study's command line for files in ``folder``."""
    places = ["--config", folder / "study.yaml", "--out", folder / "study"]
    cache = ["--data.cache", folder.parent / "cache"]
    return ["study", *map(str, [*places, *cache]), *engine]


def run_study(folder: Path, engine: Sequence[str]) -> None:
    """Run the study to its end.

    Raises: RuntimeError if it does not end well.
    """
    code = run_main(arguments_in(folder, engine))
    if code != 0:
        raise RuntimeError(f"the study ended with exit code {code}")


class Watch(threading.Thread):
    """Notes each version of each record that was ever in a study folder."""

    def __init__(self, study: Path) -> None:
        super().__init__(daemon=True)
        self.study = study
        self.seen: set[tuple[str, int, int]] = set()
        self.over = threading.Event()

    def run(self) -> None:
        """Look until asked to stop."""
        while not self.over.is_set():
            self.look()
            time.sleep(0.02)

    def look(self) -> None:
        """Note the records there are; a rewritten one is another file of a later time."""
        for path in (self.study / "records").glob("*.json"):
            state = path.stat()
            self.seen.add((path.stem, state.st_ino, state.st_mtime_ns))


def lose_a_node(cluster: Any, nodes: list[Any], study: Path) -> str:
    """Wait until both nodes are at a stack, take one away; returns the titles under way."""
    notes: list[Path] = []
    while len(notes) < len(nodes):
        notes = list((study / "jobs").glob("*/job.json"))
        time.sleep(0.05)
    time.sleep(1.0)  # into the work
    under_way = [json.loads(note.read_text())["title"] for note in notes if note.exists()]
    cluster.remove_node(nodes[0], allow_graceful=False)
    return "; ".join(sorted(under_way))


def on_a_cluster(folder: Path) -> dict[str, Any]:
    """Run the study on two nodes and lose one; what happened."""
    import ray
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": OBJECT_STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **size})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=OBJECT_STORE) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    watch = Watch(folder / "study")
    watch.start()
    study = threading.Thread(target=run_study, args=(folder, ["--engine", "ray"]), daemon=True)
    study.start()
    under_way = lose_a_node(cluster, nodes, folder / "study")
    print(f"one of 2 nodes ended during: {under_way}", flush=True)
    study.join(LIMIT)
    watch.over.set()
    watch.join()
    watch.look()
    ray.shutdown()
    cluster.shutdown()
    versions_seen = len(watch.seen)
    return {"hung": study.is_alive(), "under_way": under_way, "files": versions_seen}


def main() -> int:
    """Run the study twice and print how the two compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        alone = new_folder(Path(root) / "local")
        run_study(alone, ["--workers", "1"])
        clustered = new_folder(Path(root) / "ray")
        result = on_a_cluster(clustered)
        result["records"] = len(list((clustered / "study" / "records").glob("*.json")))
        result["differences"] = differences(clustered / "study", alone / "study")
    twice = result["files"] - result["records"]
    print(f"{result['records']} records; {len(result['differences'])} lost or different; "
          f"{twice} written twice")  # fmt: skip
    if options.out:
        kept = {"commit": commit(), "versions": versions(), **result}
        write_text_atomically(options.out, json.dumps(kept, indent=1) + "\n")
    return 1 if result["hung"] or result["differences"] or twice else 0


if __name__ == "__main__":
    sys.exit(main())
