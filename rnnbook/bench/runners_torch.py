"""PyTorch's contender: nn.RNN, nn.LSTM, nn.GRU, and for one step their cells."""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from typing import Any

from rnnbook.arrays import Params
from rnnbook.bench.contenders import Job
from rnnbook.bench.problems import Problem
from rnnbook.bench.runners_numpy import results
from rnnbook.convert import grads_from_torch, to_torch


class Torch:
    """On `device`. TF32 is off: it would not be the float32 that the others compute."""

    def __init__(self, threads: int, device: str) -> None:
        import torch

        self.torch: Any = torch
        self.device = device
        torch.set_num_threads(threads)
        if device == "cuda":
            if not torch.cuda.is_available():
                raise RuntimeError(f"PyTorch {torch.__version__} finds no CUDA device")
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False

    def finish(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def facts(self) -> dict[str, object]:
        torch = self.torch
        facts = {"threads": torch.get_num_threads()}
        if self.device == "cuda":
            facts["device"] = torch.cuda.get_device_name(0)
            facts["cuda"] = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        return facts

    def tensor(self, a: Any) -> Any:
        return self.torch.from_numpy(a).to(self.device)

    def prepare(self, problem: Problem) -> Job:
        kind, (_, _, D, H) = problem.cell.upper(), problem.size
        weights = {k: self.tensor(a) for k, a in to_torch(problem.params, problem.cell).items()}
        if problem.mode == "step":
            cell = getattr(self.torch.nn, f"{kind}Cell")(D, H).to(self.device)
            cell.load_state_dict({name.removesuffix("_l0"): w for name, w in weights.items()})
            return self.steps(problem, cell)
        layer = getattr(self.torch.nn, kind)(D, H, batch_first=True).to(self.device)
        layer.load_state_dict(weights)
        return (self.train if problem.mode == "train" else self.forward)(problem, layer)

    def forward(self, problem: Problem, layer: Any) -> Job:
        x = self.tensor(problem.x)

        def forward() -> Any:
            with self.torch.inference_mode():
                return layer(x)[0]

        return Job(forward, lambda: results(forward().cpu().numpy()))

    def train(self, problem: Problem, layer: Any) -> Job:
        x, dh = self.tensor(problem.x).requires_grad_(), self.tensor(problem.dh)

        def train() -> Any:
            layer.zero_grad(set_to_none=True)
            x.grad = None
            h, _ = layer(x)
            h.backward(dh)
            return h

        def outputs() -> Params:
            h = train().detach().cpu().numpy()
            grads = {name: p.grad.cpu().numpy() for name, p in layer.named_parameters()}
            return results(h, x.grad.cpu().numpy(), grads_from_torch(grads, problem.cell))

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
            return results(torch.stack(h, dim=1).cpu().numpy())

        return Job(run, outputs)
