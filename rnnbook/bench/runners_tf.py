"""The contenders of TensorFlow and of Keras, which runs on it here."""
# mypy: disable-error-code="import-untyped, import-not-found, no-untyped-call"

from typing import Any, Final

import numpy as np

from rnnbook.arrays import Params
from rnnbook.bench.contenders import Job
from rnnbook.bench.problems import Problem
from rnnbook.bench.runners_numpy import results
from rnnbook.convert import from_keras, grads_from_keras, to_keras

LAYERS: Final = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


class _OnTensorFlow:
    def __init__(self, threads: int, device: str) -> None:
        import keras
        import tensorflow as tf

        self.tf: Any = tf
        self.keras: Any = keras
        self.device = device
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        if device == "cuda":
            self.gpus = tf.config.list_physical_devices("GPU")
            if not self.gpus:
                raise RuntimeError(f"TensorFlow {tf.__version__} finds no CUDA device")
            tf.config.experimental.enable_tensor_float_32_execution(False)
            for gpu in self.gpus:  # else it takes nearly all memory, and others run beside it
                tf.config.experimental.set_memory_growth(gpu, True)

    def finish(self) -> None:
        if self.device == "cuda":
            self.tf.test.experimental.sync_devices()

    def facts(self) -> dict[str, object]:
        config = self.tf.config
        facts: dict[str, object] = {"threads": config.threading.get_intra_op_parallelism_threads()}
        if self.device == "cuda":
            details = config.experimental.get_device_details(self.gpus[0])
            facts["device"] = details.get("device_name", "GPU")
        return facts

    def layer(self, problem: Problem, **options: Any) -> Any:
        kind = getattr(self.keras.layers, LAYERS[problem.cell])
        return kind(problem.size.H, return_sequences=True, **options)


class TensorFlow(_OnTensorFlow):
    """`keras.layers` without a model: as a tf.function, as one compiled by XLA, or eagerly."""

    def __init__(self, threads: int, device: str, how: str) -> None:
        super().__init__(threads, device)
        self.how = how

    def compiled(self, f: Any) -> Any:
        return f if self.how == "eager" else self.tf.function(f, jit_compile=self.how == "xla")

    def prepare(self, problem: Problem) -> Job:
        layer = self.layer(problem)
        layer.build(problem.x.shape)
        layer.set_weights(to_keras(problem.params, problem.cell))
        x = self.tf.constant(problem.x)
        if problem.mode == "step":
            return self.steps(problem, layer.cell, x)
        if problem.mode == "train":
            return self.train(problem, layer, x)
        forward = self.compiled(layer)
        return Job(lambda: forward(x), lambda: results(forward(x).numpy()))

    def train(self, problem: Problem, layer: Any, x: Any) -> Job:
        tf, dh = self.tf, self.tf.constant(problem.dh)

        def gradients(x: Any, dh: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                h = layer(x)
            variables = layer.trainable_variables
            return h, tape.gradient(h, [x, *variables], output_gradients=dh)

        step = self.compiled(gradients)

        def outputs() -> Params:
            h, (dx, *grads) = step(x, dh)
            named = grads_from_keras([g.numpy() for g in grads], problem.cell)
            return results(h.numpy(), dx.numpy(), named)

        return Job(lambda: step(x, dh), outputs)

    def steps(self, problem: Problem, cell: Any, x: Any) -> Job:
        tf, arrays = self.tf, 2 if problem.cell == "lstm" else 1
        zeros = [tf.zeros((1, problem.size.H)) for _ in range(arrays)]
        step = self.compiled(lambda x, *state: cell(x, list(state))[1])
        x0, state = x[:, 0], zeros

        def run() -> None:
            nonlocal state
            state = step(x0, *state)

        def outputs() -> Params:
            carried, h = zeros, []
            for t in range(x.shape[1]):
                carried = step(x[:, t], *carried)
                h.append(carried[0].numpy())
            return results(np.stack(h, axis=1))

        return Job(run, outputs)


class Keras(_OnTensorFlow):
    """A compiled model of one layer. The loss sum(h * dh) sends dh back."""

    def prepare(self, problem: Problem) -> Job:
        keras, cell, (B, T, D, _) = self.keras, problem.cell, problem.size
        stateful = problem.mode == "step"
        model = keras.Sequential(
            [keras.Input((T, D), batch_size=B), self.layer(problem, stateful=stateful)]
        )
        start = to_keras(problem.params, cell)
        model.set_weights(start)
        x, dh = self.tf.constant(problem.x), self.tf.constant(problem.dh)
        if problem.mode == "step":
            return self.steps(model, x)
        if problem.mode == "forward":
            return Job(
                lambda: model.predict_on_batch(x), lambda: results(model.predict_on_batch(x))
            )
        optimizer = keras.optimizers.SGD(0.0)
        model.compile(optimizer, loss=lambda dh, h: keras.ops.sum(h * dh))

        def outputs() -> Params:
            h = model.predict_on_batch(x)
            optimizer.learning_rate = 1.0  # so that the update is the gradient
            model.train_on_batch(x, dh)
            before, after = (from_keras(w, cell) for w in (start, model.get_weights()))
            optimizer.learning_rate = 0.0
            model.set_weights(start)
            return results(h, grads={name: before[name] - after[name] for name in before})

        return Job(lambda: model.train_on_batch(x, dh), outputs)

    def steps(self, model: Any, x: Any) -> Job:
        x0 = x[:, :1]

        def outputs() -> Params:
            model.layers[-1].reset_states()
            h = [model.predict_on_batch(x[:, t : t + 1]) for t in range(x.shape[1])]
            return results(np.concatenate(h, axis=1))

        return Job(lambda: model.predict_on_batch(x0), outputs)
