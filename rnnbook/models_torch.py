"""
The same model in PyTorch: the seven verbs of `models_numpy`, over `torch.nn`'s own layers.

NumPy arrays go in and come out, a state as the book's nested tuples, so that both models can be
held against each other. `build` starts from the reference's weights. What PyTorch would do
otherwise is done the book's way: the second bias of an rnn and an lstm is frozen at 0, and
gradients are clipped to the norm itself, not to the norm plus 1e-6.

Shapes: B batch, T steps, D inputs, H hidden units, K outputs, V symbols, L layers.
"""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import numpy as np

from rnnbook.arrays import Array, Lengths, Params, State
from rnnbook.config import ModelConfig
from rnnbook.convert import from_torch, grads_from_torch, to_torch
from rnnbook.inputs import checked, nested, sides
from rnnbook.models_numpy import check_params_of, starting_params
from rnnbook.tasks import Split
from rnnbook.training import Batch, History, TrainConfig, in_pieces, refuse_nan, train

try:
    import torch
    from torch import Tensor, nn
    from torch.nn.utils import get_total_norm
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('models_torch needs PyTorch: pip install "rnnbook[torch]"') from error

LAYERS: Final = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
OPTIMIZERS: Final = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}
LOSSES: Final[dict[str, Any]] = {
    "mse": nn.functional.mse_loss,
    "softmax_cross_entropy": nn.functional.cross_entropy,
    "sigmoid_cross_entropy": nn.functional.binary_cross_entropy_with_logits,
}


def pick_device(wanted: str | None = None) -> str:
    """
    The fastest device that this PyTorch finds: "cuda", "mps", "xpu", or else "cpu".

    With `wanted`, that one. Raises ValueError for a name that is none of the four, RuntimeError
    where PyTorch does not find the one that is wanted.
    """
    found = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": torch.xpu.is_available(),
        "cpu": True,
    }
    if wanted is None:
        return next(name for name, there in found.items() if there)
    if wanted not in found:
        raise ValueError(f"device is {wanted!r}, but must be one of {tuple(found)}")
    if not found[wanted]:
        there = [name for name in found if found[name]]
        raise RuntimeError(f"PyTorch {torch.__version__} finds no {wanted} here, only {there}")
    return wanted


class Network(nn.Module):
    """
    (embedding) -> nn.RNN, nn.LSTM or nn.GRU -> linear head.

    `forward(x, state, lengths)` takes tensors, and PyTorch's own state: h, or (h, c), each
    (L * directions, B, H). Returns the outputs and the last state.
    """

    def __init__(self, config: ModelConfig) -> None:
        if config.cell not in LAYERS:
            known = sorted(LAYERS)
            raise ValueError(f"PyTorch has no layer for the cell {config.cell!r}; it has {known}")
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.V, config.D) if config.V is not None else None
        options = {"nonlinearity": config.activation} if config.cell == "rnn" else {}
        self.rnn = LAYERS[config.cell](
            config.D, config.H, config.L, batch_first=True, bidirectional=config.bidirectional,
            **options,
        )  # fmt: skip
        self.head = nn.Linear(config.directions * config.H, config.K)
        self.to(getattr(torch, config.dtype))
        if config.cell != "gru":
            for name, p in self.rnn.named_parameters():
                p.requires_grad_(not name.startswith("bias_hh"))

    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> Any:
        if self.embedding is not None:
            x = self.embedding(x)
        if lengths is None:
            h, last = self.rnn(x, state)
        else:  # packed, so that the backward direction starts at each sequence's own end
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            h, last = self.rnn(packed, state)
            h, _ = pad_packed_sequence(h, batch_first=True, total_length=x.shape[1])
        if self.config.output == "last":  # h_n is (L * directions, B, H), whatever batch_first says
            h_n = last[0] if self.config.cell == "lstm" else last
            h = torch.cat(tuple(h_n[-self.config.directions :]), dim=1)
        return self.head(h), last

    @property
    def device(self) -> torch.device:
        return self.head.weight.device


def build(config: ModelConfig, seed: int = 0, device: str = "cpu") -> Network:
    """
    A model with the weights of `models_numpy.build(config, seed)`.

    Raises ValueError for a cell that PyTorch has no layer for.

    >>> model = build(ModelConfig(H=4), seed=0)
    >>> y, state = predict(model, np.zeros((2, 3, 1), np.float32))
    >>> y.shape, [h.shape for h in state]
    ((2, 3, 1), [(2, 4)])
    """
    model = Network(config)
    set_params(model, starting_params(config, seed))
    return model.to(device)


def get_params(model: Network) -> Params:
    """A copy of every parameter, by the book's name and in its layout."""
    return _named(model, dict(model.named_parameters()), from_torch)


def _named(model: Network, tensors: dict[str, Tensor], convert: Callable[..., Params]) -> Params:
    """Parameters or gradients, in the order of the book's; `convert` is for the recurrent ones."""
    arrays = {name: t.detach().cpu().numpy().copy() for name, t in tensors.items()}
    rnn = {name.removeprefix("rnn."): a for name, a in arrays.items() if name.startswith("rnn.")}
    found = convert(rnn, model.config.cell)
    found |= {"W_hy": arrays["head.weight"].T.copy(), "b_y": arrays["head.bias"]}
    if "embedding.weight" in arrays:
        found["E"] = arrays["embedding.weight"]
    return {name: found[name] for name in model.config.shapes}


def set_params(model: Network, params: Params) -> None:
    """Copy the book's values in. All names, shapes and dtypes must fit, or nothing is changed."""
    check_params_of(model.config, params)
    outside = {"W_hy": "head.weight", "b_y": "head.bias", "E": "embedding.weight"}
    arrays = {outside[k]: a.T if k == "W_hy" else a for k, a in params.items() if k in outside}
    recurrent = {k: a for k, a in params.items() if k not in outside}
    arrays |= {f"rnn.{k}": a for k, a in to_torch(recurrent, model.config.cell).items()}
    model.load_state_dict({k: torch.tensor(a) for k, a in arrays.items()})


def predict(
    model: Network, x: Array, state: State | None = None, lengths: Lengths | None = None
) -> tuple[Array, State]:
    """Outputs and last state: what `models_numpy.predict` returns, computed by PyTorch."""
    batch = checked(model.config, x, lengths=lengths)
    model.eval()
    with torch.inference_mode():
        y, last = _call(model, batch, None if state is None else _to_torch(model, state, len(x)))
    found: Array = y.cpu().numpy()
    if not np.isfinite(found).all():
        refuse_nan(batch)
    return found, _from_torch(model.config, last)


def loss_and_grads(
    model: Network,
    x: Array,
    target: Array,
    lengths: Lengths | None = None,
    state: State | None = None,
) -> tuple[float, Params]:
    """The loss of one batch and its gradient for every parameter, by the book's names."""
    batch = checked(model.config, x, target, lengths)
    model.zero_grad()
    loss, _ = _forward_and_back(
        model, batch, None if state is None else _to_torch(model, state, len(x))
    )
    if not np.isfinite(loss):
        refuse_nan(batch)
    grads = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    return loss, _named(model, grads, grads_from_torch)


def _call(model: Network, batch: Batch, state: Any) -> Any:
    """The model's outputs and last state, both PyTorch's own."""
    x = torch.from_numpy(batch.inputs).to(model.device)
    # The lengths stay on the CPU, wherever x is: pack_padded_sequence wants them there.
    return model(x, state, None if batch.lengths is None else torch.from_numpy(batch.lengths))


def _forward_and_back(model: Network, batch: Batch, state: Any) -> tuple[float, Any]:
    """The loss, with gradients left in the parameters, and the last state, cut off from them."""
    model.train()
    y, last = _call(model, batch, state)
    target = torch.from_numpy(batch.targets).to(model.device)
    if batch.lengths is not None and model.config.output == "every":
        ends = torch.from_numpy(batch.lengths).to(model.device)
        real = torch.arange(y.shape[1], device=model.device) < ends[:, None]
        y, target = y[real], target[real]
    y = y.reshape(-1, model.config.K)
    classes = target.dtype == torch.int64
    loss = LOSSES[model.config.loss](y, target.reshape(-1) if classes else target.reshape(y.shape))
    loss.backward()
    parts = last if isinstance(last, tuple) else (last,)
    parts = tuple(part.detach() for part in parts)
    return loss.item(), parts if isinstance(last, tuple) else parts[0]


def _to_torch(model: Network, state: State, B: int) -> Any:
    """The book's nested tuples -> h, or (h, c), each (L * directions, B, H)."""
    parts = [np.stack(part) for part in zip(*sides(model.config, state, B), strict=True)]
    tensors = tuple(torch.from_numpy(part).to(model.device) for part in parts)
    return tensors if model.config.cell == "lstm" else tensors[0]


def _from_torch(config: ModelConfig, last: Any) -> State:
    parts = last if config.cell == "lstm" else (last,)
    arrays = (part.cpu().numpy() for part in parts)
    return nested(config, list(zip(*arrays, strict=True)))


def fit(
    model: Network,
    batches: Iterable[Batch | tuple[Array, ...]],
    config: TrainConfig,
    validate: Callable[[Network], float] | None = None,
    show: bool = True,
) -> History:
    """Train, one update a batch, in place: what `models_numpy.fit` does, and its errors."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer, state = OPTIMIZERS[config.optimizer](trained, lr=config.lr), None

    def step(batch: Batch, lr: float) -> float:
        nonlocal state
        optimizer.zero_grad()
        seen = checked(model.config, batch.inputs, batch.targets, batch.lengths)
        loss, state = _forward_and_back(model, seen, state if batch.carry else None)
        if np.isfinite(loss):
            if config.clip_norm is not None:
                clip_grad_norm([p.grad for p in trained], config.clip_norm)
            optimizer.param_groups[0]["lr"] = lr
            optimizer.step()
        return loss

    look = None if validate is None else partial(validate, model)
    weights = partial(get_params, model), partial(set_params, model)
    return train(step, batches, config, look, weights, show)


def clip_grad_norm(grads: list[Any], max_norm: float) -> None:
    """As `optim.clip_grad_norm`; nn.utils.clip_grad_norm_ divides by the norm plus 1e-6."""
    norm = get_total_norm(grads)
    if not norm.isfinite():
        raise FloatingPointError(f"the norm of the gradients is {norm}: they have exploded")
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm


def outputs(model: Network, split: Split) -> Array:
    """`predict` on one part of a task, in pieces: see `models_numpy.outputs`."""
    return in_pieces(partial(predict, model), split, model.config.streams)
