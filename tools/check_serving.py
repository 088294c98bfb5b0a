"""Is a served model well? python tools/check_serving.py grpc://localhost:8500/NAME [--local=DIR] [--requests=200]

Asks the server for its status and metadata, sends each signature the same request again and again, and prints how long
the answers took. With --local, an export or run folder, the answers are compared with those of that model in place.
"""

from pathlib import Path

from absl import flags
from benchmark import as_markdown
from benchmarks._served import rows

from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.serving import Client

_LOCAL = flags.DEFINE_string("local", "", "export or run folder that the server's answers are compared with")
_REQUESTS = flags.DEFINE_integer("requests", 200, "requests to each signature", lower_bound=1, upper_bound=100_000)
_TIMEOUT = flags.DEFINE_float("timeout", 30.0, "seconds for an answer", lower_bound=0.001)


def main(words: list[str]) -> None:
    """Checks the server that the word names."""
    if len(words) != 1:
        raise InputError("name one address: python tools/check_serving.py grpc://localhost:8500/NAME")
    local = Client(_LOCAL.value) if _LOCAL.value else None
    with Client(words[0], timeout=_TIMEOUT.value) as client:
        facts = client.metadata
        print(f"{client.address}: {client.status()}")
        print("{name} version {version}: {model} of the run {run}, windows of {window} frames".format(**facts))
        if local:
            _check_same(client, local)
        print(as_markdown(rows(client, local, _REQUESTS.value)))


def _check_same(server: Client, local: Client) -> None:
    ours = {"name", "version", "run"} if Path(local.address, "config.json").exists() else set()
    different = [key for key, value in local.metadata.items() if key not in ours and server.metadata.get(key) != value]
    if different:
        raise InputError(f"{server.address} serves another model than {local.address}: {', '.join(different)} differ")


if __name__ == "__main__":
    run(main, takes_words=True)
