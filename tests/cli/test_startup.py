"""Help and messages come before torch and Lightning are loaded; shown on fresh processes."""

import json
import subprocess
import sys

import pytest
from commands import environment

HEAVY = ("torch", "torchvision", "lightning", "torchmetrics", "jsonargparse", "matplotlib", "numpy")
SCRIPT = """
import json, sys
from {package}.__main__ import main
try:
    code = main({arguments!r})
except SystemExit as error:
    code = error.code
print(json.dumps([code, [name for name in {heavy!r} if name in sys.modules]]))
"""


def outcome(tmp_path, package, arguments, heavy=HEAVY):
    """Exit code and the heavy libraries loaded of one call in its own process."""
    script = SCRIPT.format(package=package, arguments=arguments, heavy=heavy)
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=True
    )
    code, loaded = json.loads(done.stdout.splitlines()[-1])
    return code, loaded, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("lightning_cifar", ["--help"]),
        ("lightning_cifar", ["--version"]),
        ("lightning_cifar", ["fit", "--help"]),
        ("lightning_cifar", ["test", "--config", "elu", "-h"]),
        ("lightning_cifar", ["predict", "--help"]),
        ("lightning_cifar", ["export", "--help"]),
        ("lightning_cifar", ["study", "--help"]),
        ("lightning_cifar", ["completion"]),
        ("theory", ["--help"]),
        ("theory", ["verify", "--help"]),
    ],
)
def test_help_loads_nothing_heavy(tmp_path, package, arguments):
    code, loaded, printed = outcome(tmp_path, package, arguments)
    assert code == 0
    assert loaded == []
    assert len(printed) > 20


@pytest.mark.parametrize(
    ("package", "arguments", "message"),
    [
        ("lightning_cifar", ["fti"], "did you mean 'fit'"),
        ("lightning_cifar", ["fit", "--data.batchsize=3"], "did you mean '--data.batch_size'"),
        ("lightning_cifar", ["fit", "--trainer.max_epoch=3"], "'--trainer.max_epochs'"),
        ("lightning_cifar", ["fit", "--model=SeluClasifier"], "did you mean 'SeluClassifier'"),
        ("lightning_cifar", ["fit", "--config", "sleu"], "did you mean 'selu'"),
        ("lightning_cifar", ["fit", "--config", "wrong.yaml"], "did you mean 'batch_size'"),
        ("lightning_cifar", ["fit", "--trainer.gpus", "1"], "use --trainer.accelerator gpu"),
        ("lightning_cifar", ["fit", "--trainer.logger", "wandbloger"], "'WandbLogger'?"),
        ("lightning_cifar", ["fit", "--trainer.callbacks+=my.module.Class"], "no package 'my'"),
        ("lightning_cifar", ["fit", "--seed_everything=true"], "seed_everything is true"),
        ("lightning_cifar", ["fit", "--run"], "--run needs a value"),
        ("lightning_cifar", ["test", "--run", "nowhere"], "no run folder nowhere"),
        ("lightning_cifar", ["predict", "--run", "nowhere", "a.png"], "no run folder nowhere"),
        ("lightning_cifar", ["predict", "--runs", "nowhere"], "'lightning-cifar predict --help'"),
        ("lightning_cifar", ["predict", "--run=a", "b", "--formt=csv"], "did you mean '--format'"),
        ("lightning_cifar", ["completions"], "did you mean 'completion'"),
        ("lightning_cifar", ["export", "--format", "gif"], "invalid choice: 'gif'"),
        ("theory", ["show", "Q8"], "Q8"),
        ("theory", ["lsit"], "lsit"),
    ],
)
def test_mistakes_are_reported_before_anything_heavy_is_loaded(
    tmp_path, package, arguments, message
):
    (tmp_path / "wrong.yaml").write_text("data: {batchsize: 3}\n")
    code, loaded, printed = outcome(tmp_path, package, arguments)
    assert code == 2
    assert message in printed
    assert loaded == []


def test_control_a_command_that_needs_torch_is_seen_to_load_it(tmp_path):
    """A value is checked by the parser, which needs every library; here a torch that says so."""
    (tmp_path / "torch.py").write_text("raise SystemExit(70)")
    arguments = ["fit", "--config", "smoke", "--model=EluClassifier", "--data.batch_size=x"]
    assert outcome(tmp_path, "lightning_cifar", arguments)[0] == 70
