"""`train`: from settings to a finished run."""

from collections.abc import Sequence

import keras
import tensorflow as tf
from rich.console import Console

from kerasmooth import __version__
from kerasmooth.errors import InputError
from kerasmooth.tfrecord.record_sets import RecordSets, resolve_datasets
from kerasmooth.training import devices, run_folder
from kerasmooth.training.checkpoint import CHECKPOINT_FILE
from kerasmooth.training.config import CONFIG_FILE, TrainingConfig
from kerasmooth.training.data import open_records, steps_per_epoch
from kerasmooth.training.learner import Learner, uses_xla
from kerasmooth.training.state import RunState
from kerasmooth.training.trainer import Trainer

_WORKER_IS_GONE = [
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
]
"""What TensorFlow raises in the other workers."""


def train(
    config: TrainingConfig, callbacks: Sequence[keras.callbacks.Callback] = (), console: Console | None = None
) -> RunState:
    """Trains until done, or continues a run that was stopped anywhere.

    Args:
      config: the settings; `datasets` may be ("auto",). The run's folder is made if it is not there.
      callbacks: told of epochs, batches and validation as by `keras.Model.fit`; one may set `model.stop_training`. What
        a callback remembers is its own: it is not in checkpoints.
      console: where progress goes; standard output by default.

    Raises:
      InputError: records or settings are bad, or the folder holds a run with other settings.
      Interrupted: SIGINT or SIGTERM came; a checkpoint is written.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    cluster = devices.build(config.strategy, _facts(config), config.worker_timeout, console.print)
    console = console if cluster.is_chief else Console(quiet=True)
    if config.batch_size < cluster.num_replicas:
        raise InputError(
            f"--batch_size={config.batch_size} is less than the {cluster.num_replicas} devices that share a batch: "
            "some would only compute padding"
        )
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    config, records = open_records(config, console.print, verifies(config, cluster))
    config = config.replace(xla=_xla_from_the_start(config, records, cluster))
    learner = Learner(config, cluster)
    if cluster.is_chief:
        run_folder.open_run(config, [device.name for device in tf.config.list_logical_devices()])
    try:
        return Trainer(learner, records, callbacks, console).run()
    except tuple(_WORKER_IS_GONE) as error:
        if cluster.num_workers == 1:
            raise
        reason = str(error).splitlines()[0]
        raise InputError(
            f"a worker went away ({reason}): start all of them again, they continue from the last checkpoint"
        ) from None


def _facts(config: TrainingConfig) -> dict[str, str]:
    """What must be the same for all workers that train together; they may see their folders at different places."""
    places = {"runs_dir", "records_dir", "worker_timeout"}
    settings = {f"--{name}": str(value) for name, value in config.model_dump(exclude=places).items()}
    # From the manifests alone: TensorFlow must not compute before it has joined the workers.
    records = RecordSets(config.records_dir, resolve_datasets(config.records_dir, config.datasets, config.frame_step))
    versions = {"kerasmooth": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}
    return settings | {"records": records.fingerprint[:16]} | versions


def verifies(config: TrainingConfig, cluster: devices.Cluster) -> bool:
    """Whether this process reads all records to compare checksums: one of several workers is enough."""
    begun = (config.run_dir / CHECKPOINT_FILE).is_file()
    return cluster.is_chief and {"first": not begun, "always": True, "never": False}[config.verify_records]


def _xla_from_the_start(config: TrainingConfig, records: RecordSets, cluster: devices.Cluster) -> bool:
    """As the run was begun, whatever its --max_epochs is now: compiled steps differ from others in the last bits."""
    wanted = uses_xla(config, cluster, config.max_epochs * steps_per_epoch(config, records))
    begun = (config.run_dir / CONFIG_FILE).is_file() and cluster.num_replicas == 1
    return TrainingConfig.load(config.run_dir).xla if begun else wanted
