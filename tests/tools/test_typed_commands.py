"""Every command that flags/README.md types runs, in its order, on generated data and with a tiny budget."""

import re
import shlex
from pathlib import Path

import in_process
import pytest
import tensorflow as tf  # noqa: F401  so that what its import prints is not taken for the program's
from tensorflow.python.framework import config as tf_config
from tool_runner import entry_point, loaded_tool

from kerasmooth.models import DeciWatch

BUDGETS = {
    "kerasmooth.train": ["--max_epochs=1", "--steps_per_epoch=1", "--validation_windows=2", "--batch_size=2"],
    "kerasmooth.evaluate": ["--max_windows=8"],
    "make_sample_raw": ["--frames_per_video=24"],
    "make_records": ["--size=16"],
}


def typed_commands(readme: Path) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.S)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines() if line.strip()]


def test_the_commands_of_the_flags_readme_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    commands = typed_commands(repository / "flags" / "README.md")
    assert len(commands) > 10
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(DeciWatch.__init__.__kwdefaults__, "num_layers", 1)  # most of its time is tracing ten layers
    run = in_process.runner(monkeypatch, capfd)
    for words in commands:
        assert words[0] == "python"
        if words[1] == "-m":
            done = run(words[2], *words[3:], *BUDGETS.get(words[2], []))
            code, said = done.code, done.out + done.err
        else:
            name = Path(words[1]).stem
            if name == "make_records":  # the same as the module, which a process cannot load twice otherwise
                real = any("climbalong" in word for word in words)  # its heatmaps have a size of their own
                outcome = entry_point("kerasmooth.make_records")(*words[2:], *([] if real else BUDGETS[name]))
            else:
                with loaded_tool(name) as tool:
                    outcome = tool(*words[2:], *BUDGETS.get(name, []))
            code, said = outcome.code, outcome.out + outcome.err
        tf_config.disable_op_determinism()
        assert code == 0, (words, said)
    judged = (tmp_path / "runs/conv3d-1.1-sample-finetuned/evaluation/scores.json").read_text()
    assert '"extra"' in judged
    assert (tmp_path / "runs" / "deciwatch-1.1-sample-regularised" / "best.keras").is_file()
