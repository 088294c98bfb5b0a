"""Devices: one, several of one machine, or several machines, behind one small interface.

The training loop runs `strategy.run` on each replica and applies the optimizer itself: Keras's `fit` cannot do this
under MultiWorkerMirroredStrategy, and one loop for all is one behaviour for all.
"""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from kerasmooth.errors import InputError
from kerasmooth.input_pipeline import WorkerShard
from kerasmooth.training.rendezvous import Facts, meet


@dataclass(frozen=True)
class Cluster(WorkerShard):
    """The replicas that share a global batch; worker 0 is the chief, the only one that writes files.

    Variables are created in the scope of `strategy`, by default that of one device.
    """

    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)

    @property
    def num_replicas(self) -> int:
        return self.num_workers * self.local_replicas

    @property
    def is_chief(self) -> bool:
        return self.worker == 0

    def distribute(self, per_replica: Sequence[Any]) -> Any:
        """One value for each local replica -> what `strategy.run` takes."""
        if self.num_replicas == 1:
            return per_replica[0]
        first = self.worker * self.local_replicas
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: per_replica[context.replica_id_in_sync_group - first]
        )

    def local(self, value: Any) -> list[Any]:
        """What `strategy.run` returned -> one value for each local replica."""
        return list(self.strategy.experimental_local_results(value))

    def compiled(self, step: Callable[..., Any], xla: bool) -> Any:
        """`step` as one graph that runs on every replica; with `xla`, compiled by XLA (one replica only)."""

        def run(*arguments: Any) -> Any:
            return self.strategy.run(step, args=arguments)

        return tf.function(run, jit_compile=True if xla else None, reduce_retracing=True, autograph=False)

    def sum_over_workers(self, values: np.ndarray) -> np.ndarray:
        """Sums float64 arrays over the processes; every process gets the sum and must call this."""
        if self.num_workers == 1:
            return values
        mine = [tf.constant(values, tf.float64)] + [tf.zeros_like(values, tf.float64)] * (self.local_replicas - 1)
        total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, self.distribute(mine), axis=None)
        return np.asarray(total.numpy())


def all_reduce_sum(tensor: Any) -> Any:
    """The sum of a tensor over all replicas; called inside `strategy.run`."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensor)


def build(
    name: str, facts: Facts | None = None, timeout: float = 120.0, say: Callable[[str], None] = lambda _: None
) -> Cluster:
    """The cluster for `--strategy`.

    Args:
      name: `auto` is `mirrored` where there are several accelerators (or several logical processors and no
        accelerator), else `single`; `multi_worker` reads the environment variable TF_CONFIG and must be called before
        TensorFlow computes.
      facts, timeout, say: how several workers are seen to agree first, see `rendezvous.meet`; without facts they are
        not.
    """
    if name == "multi_worker":
        workers, index = _read_tf_config()
        if facts is not None:
            meet(facts, workers, index, timeout, say)
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        return Cluster(index, len(workers), strategy.num_replicas_in_sync // len(workers), strategy)
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "single" or (name == "auto" and len(found) == 1):
        return Cluster()
    names = [device.name.removeprefix("/device:") for device in found]
    return Cluster(local_replicas=len(names), strategy=tf.distribute.MirroredStrategy(names))


def _read_tf_config() -> tuple[list[str], int]:
    """Addresses of all workers, and the index of this one, as the environment variable TF_CONFIG says."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        workers, index = cluster["worker"], task["index"]
        fine = set(cluster) == {"worker"} and task["type"] == "worker" and index in range(len(workers))
        fine = fine and all(re.fullmatch(r"[^:]+:[0-9]{1,5}", address) for address in workers)
    except (ValueError, KeyError, TypeError):
        fine = False
    if not fine:
        example = '{"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}'
        raise InputError(
            f"--strategy=multi_worker needs TF_CONFIG={example}: only workers, all of them, and the index of this one; "
            f"got {text!r}"
        )
    return workers, index
