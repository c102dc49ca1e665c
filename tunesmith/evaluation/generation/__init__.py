"""Let a model answer prompts, in batches that are planned from the prompts alone.

An interrupted run that goes on forms the same batches as an undisturbed one. That matters: in
bfloat16 the size of a batch changes the rounding, and where two tokens are nearly tied also the
answer. A finished batch is handed to the caller to keep.

`choose_runtime` says which library answers: vLLM on a GPU where it is installed, else
transformers.
"""

from tunesmith.evaluation.generation.answering import Answerer, answer, generate, load_answerer
from tunesmith.evaluation.generation.loaded import LoadedModel, load
from tunesmith.evaluation.generation.outputs import Generate, Generation, Output
from tunesmith.evaluation.generation.runtime import Runtime, check_same_runtime, choose_runtime
from tunesmith.evaluation.generation.work import Draws

__all__ = [
    "Answerer",
    "Draws",
    "Generate",
    "Generation",
    "LoadedModel",
    "Output",
    "Runtime",
    "answer",
    "check_same_runtime",
    "choose_runtime",
    "generate",
    "load",
    "load_answerer",
]
