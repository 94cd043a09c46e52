"""PyTorch's contender: nn.RNN, nn.LSTM, nn.GRU, and for one step their cells."""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from time import perf_counter
from typing import Any, Final

from rnnbook.arrays import Params
from rnnbook.bench.contenders import Job
from rnnbook.bench.problems import Problem
from rnnbook.bench.runners_numpy import results
from rnnbook.convert import grads_from_torch, to_torch

PRECISIONS: Final = ("float32", "tf32", "bfloat16")
PRODUCT: Final = {"cpu": 512, "cuda": 8192}  # rows and columns of the product that is the limit
PRODUCTS: Final = 20


class Torch:
    """
    On `device`, in one of `PRECISIONS`: TF32 is off unless asked for, as it would not be the
    float32 that the others compute; with bfloat16 weights, inputs and states are of that type.

    Not by autocast, which on a GPU gives cuDNN's recurrent layers float16 whatever type it was
    asked for (aten/src/ATen/cudnn/AutocastRNN.cpp).
    """

    def __init__(self, threads: int, device: str, precision: str = "float32") -> None:
        import torch

        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, but must be one of {PRECISIONS}")
        self.torch: Any = torch
        self.device, self.precision = device, precision
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        torch.set_num_threads(threads)
        if device == "cuda":
            if not torch.cuda.is_available():
                raise RuntimeError(f"PyTorch {torch.__version__} finds no CUDA device")
            self.allow_tf32(precision == "tf32")

    def allow_tf32(self, allowed: bool) -> None:
        """In cuDNN, whose default is True, and in cuBLAS, whose default is False."""
        self.torch.backends.cudnn.allow_tf32 = allowed
        self.torch.backends.cuda.matmul.allow_tf32 = allowed

    def finish(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def facts(self) -> dict[str, object]:
        torch = self.torch
        facts = {"threads": torch.get_num_threads(), "precision": self.precision}
        if self.device == "cuda":
            facts["device"] = torch.cuda.get_device_name(0)
            facts["cuda"] = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        return facts

    def limits(self) -> dict[str, float]:
        """Operations a second of a large product, by precision; TF32 on a GPU alone."""
        torch, n = self.torch, PRODUCT[self.device]
        found = {}
        for precision in PRECISIONS:
            if self.device == "cuda":
                self.allow_tf32(precision == "tf32")
            elif precision == "tf32":
                continue
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            a = torch.rand((n, n), device=self.device).to(dtype)
            seconds = []
            for _ in range(PRODUCTS):
                self.finish()
                start = perf_counter()
                a @ a
                self.finish()
                seconds.append(perf_counter() - start)
            found[precision] = 2 * n**3 / min(seconds)
        if self.device == "cuda":
            self.allow_tf32(self.precision == "tf32")
        return found

    def tensor(self, a: Any) -> Any:
        return self.torch.from_numpy(a).to(self.device, self.dtype)

    def array(self, a: Any) -> Any:
        return a.detach().cpu().float().numpy()

    def prepare(self, problem: Problem) -> Job:
        kind, (_, _, D, H) = problem.cell.upper(), problem.size
        weights = {k: self.tensor(a) for k, a in to_torch(problem.params, problem.cell).items()}
        if problem.mode == "step":
            cell = getattr(self.torch.nn, f"{kind}Cell")(D, H).to(self.device, self.dtype)
            cell.load_state_dict({name.removesuffix("_l0"): w for name, w in weights.items()})
            return self.steps(problem, cell)
        layer = getattr(self.torch.nn, kind)(D, H, batch_first=True).to(self.device, self.dtype)
        layer.load_state_dict(weights)
        return (self.train if problem.mode == "train" else self.forward)(problem, layer)

    def forward(self, problem: Problem, layer: Any) -> Job:
        x = self.tensor(problem.x)

        def forward() -> Any:
            with self.torch.inference_mode():
                return layer(x)[0]

        return Job(forward, lambda: results(self.array(forward())))

    def train(self, problem: Problem, layer: Any) -> Job:
        x, dh = self.tensor(problem.x).requires_grad_(), self.tensor(problem.dh)

        def train() -> Any:
            layer.zero_grad(set_to_none=True)
            x.grad = None
            h, _ = layer(x)
            h.backward(dh)
            return h

        def outputs() -> Params:
            h = self.array(train())
            grads = {name: self.array(p.grad) for name, p in layer.named_parameters()}
            if problem.cell != "gru":  # one gradient, but rounded twice in bfloat16
                grads["bias_hh_l0"] = grads["bias_ih_l0"]
            return results(h, self.array(x.grad), grads_from_torch(grads, problem.cell))

        return Job(train, outputs)

    def steps(self, problem: Problem, cell: Any) -> Job:
        torch, x = self.torch, self.tensor(problem.x)
        x0, state = x[:, 0].clone(), None

        def run() -> None:
            nonlocal state
            with torch.inference_mode():
                state = cell(x0, state)

        def outputs() -> Params:
            carried, h = None, []
            with torch.inference_mode():
                for t in range(x.shape[1]):
                    carried = cell(x[:, t], carried)
                    h.append(carried[0] if problem.cell == "lstm" else carried)
            return results(self.array(torch.stack(h, dim=1)))

        return Job(run, outputs)
