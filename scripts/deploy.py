"""The whole deployment: package, apply, outputs, deploy, check; repeatable.

Each step is a command that can be run alone (docs/DEPLOYMENT.md); the last one ends
with CHECK_SYNC.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
OUTPUTS = "build/outputs.json"
app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        into: File that takes what it prints; empty: the terminal.
    """

    command: tuple[str, ...]
    into: str = ""

    @property
    def text(self) -> str:
        """The command as a person would type it."""
        return " ".join(self.command) + (f" > {self.into}" if self.into else "")


class StepError(RuntimeError):
    """A command failed; nothing after it was run."""


def steps(
    var_file: str, *, auto_approve: bool = False, more: tuple[str, ...] = ()
) -> list[Step]:
    """Returns the commands of a deployment, in order.

    Args:
        var_file: Below terraform/.
        more: Further options of deploy_snowflake.sh.
    """
    terraform = ("terraform", "-chdir=terraform")
    approval = ("-auto-approve",) if auto_approve else ()
    return [
        Step(("scripts/package_lambda.sh",)),
        Step((*terraform, "init")),
        Step((*terraform, "apply", f"-var-file={var_file}", *approval)),
        Step((*terraform, "output", "-json"), OUTPUTS),
        Step(
            ("scripts/deploy_snowflake.sh", "--terraform-outputs", OUTPUTS, *more),
        ),
    ]


def run(step: Step, root: Path = ROOT) -> None:
    """Runs a command in the repository's folder.

    Raises:
        StepError: It failed, or there is no such program.
    """
    try:
        if not step.into:
            subprocess.run(step.command, cwd=root, check=True)
            return
        # Whole or not at all: a deployment must never read half of it.
        done = subprocess.run(
            step.command, cwd=root, check=True, stdout=subprocess.PIPE
        )
        place = root / step.into
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(done.stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StepError(
            f"{step.text}: {error}. Every step may be repeated: correct the cause and"
            " call deploy.sh again."
        ) from None


@app.command()
def _main(
    var_file: Annotated[
        str, typer.Option(help="Terraform variables, a file below terraform/.")
    ],
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Terraform does not ask.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every command, run none.")
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Argument(help="After --: further options of deploy_snowflake.sh."),
    ] = None,
) -> None:
    """Runs the whole deployment; the environment holds the logins."""
    for step in steps(var_file, auto_approve=auto_approve, more=tuple(more or ())):
        typer.echo(f"== {step.text}")
        if dry_run:
            continue
        try:
            run(step)
        except StepError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
