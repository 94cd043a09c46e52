"""
The article's sine job, as a user of each framework writes it: 100 ReLU units and a linear output,
6 windows of 50, mean squared error, Adam at 1e-3, 500 updates on the whole batch.

`python sine.py numpy` in a fresh process prints {"imports": seconds, "loss": mean squared error}.
Run as a file, so that no framework waits for this package's import. "loop" is ours with the cell
step by step. TensorFlow without tf.function is not among them: a minute would not be enough.
"""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call, untyped-decorator"

import json
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

UPDATES: Final = 500


def windows() -> tuple[Any, Any]:
    """As `rnnbook.tasks.sine` has them: inputs and next values, (6, 50, 1) each."""
    import numpy as np

    wave = np.sin(0.1 * np.arange(301)).astype(np.float32)
    return wave[:-1].reshape(6, 50, 1), wave[1:].reshape(6, 50, 1)


def in_numpy(loop: bool = False) -> tuple[float, float]:
    from rnnbook import models_numpy, training
    from rnnbook.layers import Loop
    from rnnbook.tasks import sine

    imported = perf_counter()
    task = sine.make()
    model = models_numpy.build(task.model)
    if loop:  # the same arrays, the cell step by step
        model.rnn = Loop("rnn", model.rnn.params, activation=task.model.activation)
    batches = training.batches(task.train, task.training)
    history = models_numpy.fit(model, batches, task.training, show=False)
    assert len(history.loss) == UPDATES
    return imported, history.loss[-1]


def in_torch() -> tuple[float, float]:
    import torch

    imported = perf_counter()
    x, target = (torch.from_numpy(a) for a in windows())
    rnn = torch.nn.RNN(1, 100, nonlinearity="relu", batch_first=True)
    head = torch.nn.Linear(100, 1)
    optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], lr=1e-3)
    for _ in range(UPDATES):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(head(rnn(x)[0]), target)
        loss.backward()
        optimizer.step()
    return imported, loss.item()


def in_tensorflow(jit_compile: bool = False) -> tuple[float, float]:
    import keras
    import tensorflow as tf

    imported = perf_counter()
    x, target = (tf.constant(a) for a in windows())
    model = keras.Sequential(
        [keras.layers.SimpleRNN(100, "relu", return_sequences=True), keras.layers.Dense(1)]
    )
    model.build(x.shape)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit_compile)
    def update() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x) - target))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        return loss

    for _ in range(UPDATES):
        loss = update()
    return imported, float(loss)


def in_keras() -> tuple[float, float]:
    import keras

    imported = perf_counter()
    x, target = windows()
    model = keras.Sequential(
        [keras.layers.SimpleRNN(100, "relu", return_sequences=True), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(1e-3), loss="mse")
    history = model.fit(x, target, batch_size=6, epochs=UPDATES, verbose=0)
    return imported, history.history["loss"][-1]


JOBS: Final[dict[str, Callable[[], tuple[float, float]]]] = {
    "numpy": in_numpy,
    "loop": partial(in_numpy, loop=True),
    "pytorch": in_torch,
    "tensorflow": in_tensorflow,
    "tensorflow-xla": partial(in_tensorflow, jit_compile=True),
    "keras": in_keras,
}


def main(name: str) -> None:
    start = perf_counter()
    imported, loss = JOBS[name]()
    print(json.dumps({"imports": imported - start, "loss": loss}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
