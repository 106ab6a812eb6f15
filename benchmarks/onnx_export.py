"""One segment in ONNX Runtime against eager PyTorch on a CPU, of every shipped solver and step scorer.

python benchmarks/onnx_export.py [NAME ...]     (a quiet machine; three minutes; needs hrm-net[export])
"""

import sys
import tempfile
from pathlib import Path

import torch

from hrm_net.export import onnx_file
from hrm_net.export.command import find_segment
from hrm_net.provenance import hardware

NAMES = ("sudoku_9x9", "sudoku_extreme", "maze_15x15", "scorer_6x6")
BATCH_SIZES = (1, 64)


def main() -> None:
    print(hardware(), f"threads {torch.get_num_threads()}")
    for name in sys.argv[1:] or NAMES:
        segment, _ = find_segment(name)
        with tempfile.TemporaryDirectory() as folder:
            compared = onnx_file.write(segment, Path(folder), {})
            print(f"{name}: largest difference {max(compared.differences.values()):.1e}", flush=True)
            for batch_size in BATCH_SIZES:
                found = onnx_file.milliseconds(segment, Path(folder) / onnx_file.MODEL, batch_size)
                ratio = found["torch"] / found["onnxruntime"]
                times = "   ".join(f"{key} {value:8.1f} ms" for key, value in found.items())
                print(f"  batch {batch_size:<4}{times}   torch / onnxruntime {ratio:5.2f}", flush=True)


if __name__ == "__main__":
    main()
