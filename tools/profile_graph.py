"""Which operators of an ONNX graph take how long, beside another graph: ONNX Runtime's own profile as a table.

    python tools/profile_graph.py BEFORE.onnx [AFTER.onnx] [--frames 1000] [--runs 15] [--shapes]

Offline graphs (audio_signal, length -> logprobs) on seeded noise, one thread. A node's time is the shortest of all
runs, so that what else the machine does falls out; nodes are added up by operator, or by operator and shapes
(--shapes). The last line is the CPU time of a whole run, the shortest too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from fastctc.installed.cpp_library import find_operators_library

ROWS = 30
CONTROL_FLOW = ("If", "Loop", "Scan")  # their time is that of the nodes inside


def open_session(path: Path, profile: str | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.register_custom_ops_library(find_operators_library())  # our kernels run in optimized graphs
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def make_feeds(n_frames: int) -> dict[str, Any]:
    features = np.random.default_rng(0).standard_normal((1, 80, n_frames)) * 3 - 5
    return {"audio_signal": features.astype(np.float32), "length": np.array([n_frames], np.int64)}


def describe(arguments: dict[str, Any], with_shapes: bool) -> str:
    operator = str(arguments["op_name"])
    if not with_shapes:
        return operator
    shapes = [next(iter(entry.values())) for entry in arguments.get("input_type_shape", [])]
    return f"{operator} {' '.join(str(shape).replace(' ', '') for shape in shapes[:2])}"


def profile(path: Path, n_frames: int, runs: int, with_shapes: bool) -> tuple[dict[str, tuple[int, float]], float]:
    """Nodes and ms of each operator, and ms of CPU of a whole run."""
    feeds = make_feeds(n_frames)
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, f"{folder}/profile")
        for _ in range(runs):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    nodes: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            nodes[event["name"], describe(event["args"], with_shapes)].append(event["dur"] / 1e3)
    sums: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for (_, operator), times_ms in nodes.items():
        if operator.split()[0] not in CONTROL_FLOW:
            n_nodes, total_ms = sums[operator]
            sums[operator] = n_nodes + 1, total_ms + min(times_ms)
    session, totals_ms = open_session(path), []
    for _ in range(runs):
        start = time.process_time()
        session.run(None, feeds)
        totals_ms.append(1e3 * (time.process_time() - start))
    return dict(sums), min(totals_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=1000, help="feature frames (default: 1000, 10 s)")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--shapes", action="store_true")
    arguments = parser.parse_args()
    profiles = [profile(path, arguments.frames, arguments.runs, arguments.shapes) for path in arguments.graphs]
    operators = {operator for sums, _ in profiles for operator in sums}
    most = {operator: max(sums.get(operator, (0, 0.0))[1] for sums, _ in profiles) for operator in operators}
    ordered = sorted(operators, key=lambda operator: -most[operator])
    print("| operator |" + "".join(f" {path.stem}, nodes | ms |" for path in arguments.graphs))
    print("|---|" + "---:|---:|" * len(profiles))
    rest = set(ordered[ROWS:])
    rows = [(operator, {operator}) for operator in ordered[:ROWS]] + [(f"{len(rest)} others", rest), ("all", operators)]
    for name, of in rows:
        cells = []
        for sums, _ in profiles:
            found = [sums[operator] for operator in of if operator in sums]
            cells.append(f" {sum(n for n, _ in found)} | {sum(ms for _, ms in found):.2f} |")
        print(f"| {name} |" + "".join(cells))
    print("| a whole run, CPU |" + "".join(f" | {total_ms:.1f} |" for _, total_ms in profiles))


if __name__ == "__main__":
    main()
