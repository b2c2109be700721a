"""Shell completion: a script for bash (and zsh, by its bashcompinit) made from what is accepted."""

from collections.abc import Iterable

from lightning_cifar.cli.arguments import PLAIN_KEYS, settings, variants
from lightning_cifar.runs.configuration import shipped_configs

SCRIPT = """\
_lightning_cifar() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  case $before in
    --config) COMPREPLY=($(compgen -W "{configs}" -- "$word"
        compgen -f -X '!*.yaml' -- "$word")) ;;
    --model) COMPREPLY=($(compgen -W "{variants}" -- "$word")) ;;
    --run) COMPREPLY=($(compgen -d -- "$word")) ;;
    *) if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
      elif [ "${{word:0:1}}" = - ]; then
        COMPREPLY=($(compgen -W "{options}" -- "$word"))
      else
        COMPREPLY=($(compgen -f -- "$word"))
      fi ;;
  esac
}}
complete -o filenames -F _lightning_cifar lightning-cifar
"""


def completion_script(commands: Iterable[str]) -> str:
    """What a shell reads with ``eval "$(lightning-cifar completion)"``."""
    options = [f"--{key}" for key in sorted({*PLAIN_KEYS, "help", "model"})]
    options += [
        f"--{section}.{each.name}" for section, found in settings().items() for each in found
    ]
    return SCRIPT.format(
        configs=" ".join(shipped_configs()),
        variants=" ".join(variants()),
        commands=" ".join(commands),
        options=" ".join(options),
    )
