"""Where a model runs: device, number format and threads.

bfloat16 halves the traffic of the weights and is the native format of recent processors and GPUs.
On a CPU with AVX512-BF16 or AMX it is 2.2 times as fast in training (under autocast, the weights
stay in float32) and 2.4 times in batched generation; on one without, it is emulated and slow.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunesmith.machine import available_cores

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Device:
    """A device and how to use it; `name` is for the record of a run."""

    kind: Literal["cpu", "cuda"]
    name: str
    precision: Precision
    threads: int

    @property
    def dtype(self) -> "torch.dtype":
        """The torch type of `precision`."""
        import torch

        return torch.bfloat16 if self.precision == "bf16" else torch.float32


def pick(precision: Precision | None = None) -> Device:
    """Choose the first GPU, or else the CPU, and its fastest precision unless one is asked for.

    Sets the number of threads of this process: `OMP_NUM_THREADS` where that is set, and never
    more than the cores it may use. Two threads that share one core wait for each other and run
    ten times slower than one.
    """
    import torch

    threads = min(torch.get_num_threads(), available_cores())
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        fastest: Precision = "bf16" if torch.cuda.is_bf16_supported() else "fp32"
        name = torch.cuda.get_device_name(0)
        return Device("cuda", name, precision or fastest, threads)
    features = torch.cpu.get_capabilities()
    fastest = "bf16" if features.get("avx512_bf16") or features.get("amx_bf16") else "fp32"
    name = str(features.get("cpu_name") or "unknown CPU")
    return Device("cpu", name, precision or fastest, threads)
