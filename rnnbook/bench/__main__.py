"""The command line: `python -m rnnbook.bench -h`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rnnbook.bench import contenders, gpu, problems
from rnnbook.bench.measure import MODES, measure
from rnnbook.bench.problems import Size
from rnnbook.bench.race import BenchError
from rnnbook.bench.report import Report

EPILOG = """\
ratio = their time / ours in the same round: above 1, NumPy is ahead

examples:
  python -m rnnbook.bench --cells lstm --modes train --contenders pytorch
  python -m rnnbook.bench --sizes 0,2 --rounds 5 --json bench.json --figure bench.svg
  python -m rnnbook.bench --sizes "32,35,28,128; 64,50,10,256" --modes train,forward
  python -m rnnbook.bench --first-result
  python -m rnnbook.bench --device cuda --json rnnbook/bench/recorded/cuda.json

sizes (B, T, D, H) by number:
"""
CUDA = "cuda adds those on a GPU; with nothing else chosen it measures what the page on GPUs shows"


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def sizes(text: str) -> list[Size]:
    """
    Numbers of `SIZES`, 0 to 6; or sizes themselves, four numbers each, between semicolons.

    Four small numbers are numbers of `SIZES`, unless a semicolon stands behind them.

    >>> sizes("0, 6")
    [Size(B=1, T=50, D=1, H=32), Size(B=8, T=1000, D=16, H=128)]
    >>> sizes("32,35,28,128")
    [Size(B=32, T=35, D=28, H=128)]
    >>> sizes("1,5,2,3;") == [Size(1, 5, 2, 3)]
    True
    """
    try:
        parts = [[int(number) for number in listed(part)] for part in text.split(";") if part]
        if ";" in text or (len(parts[0]) == 4 and max(parts[0]) >= len(problems.SIZES)):
            return [Size(*part) for part in parts]
        if min(parts[0]) < 0:
            raise IndexError
        return [problems.SIZES[index] for index in parts[0]]
    except (ValueError, TypeError, IndexError):
        last = len(problems.SIZES) - 1
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither numbers from 0 to {last} nor sizes such as 32,35,28,128"
        ) from None


def parser() -> argparse.ArgumentParser:
    numbered = "\n".join(f"  {i}: {size}" for i, size in enumerate(problems.SIZES))
    p = argparse.ArgumentParser(
        prog="python -m rnnbook.bench",
        description="Time the NumPy layers of rnnbook against PyTorch, TensorFlow and Keras.",
        epilog=EPILOG + numbered,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = p.add_argument
    add("--cells", type=listed, help="of rnn,lstm,gru (all)")
    add("--modes", type=listed, help=f"of {','.join(MODES)} (all)")
    add("--first-result", action="store_true", help="the same as --modes first")
    add("--sizes", type=sizes, help="by number or as B,T,D,H (the seven; steps: D 64, H 128, 512)")
    add("--contenders", type=listed, help=f"of {', '.join(contenders.KNOWN)}")
    add("--rounds", type=int, help="turns of each contender (9; what the page on GPUs shows: 5)")
    add("--threads", type=int, help="threads of each contender (2; for that page: up to 8)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help=CUDA)
    add(
        "--json", type=Path, metavar="FILE", help="write all that is measured to FILE, race by race"
    )
    add("--figure", type=Path, metavar="FILE", help="draw the ratios to FILE.svg, .png or .pdf")
    add("--quick", action="store_true", help="two tiny sizes, 3 rounds: does it work?")
    return p


def checked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options that can be run, with nothing found wrong only when the measuring is done."""
    p = parser()
    options = p.parse_args(arguments)
    chosen = (options.cells, options.modes, options.sizes, options.contenders)
    options.page = (
        options.device == "cuda"
        and not any(choice is not None for choice in chosen)
        and not (options.quick or options.first_result)
    )
    options.cells = list(problems.CELLS) if options.cells is None else options.cells
    options.modes = list(MODES) if options.modes is None else options.modes
    if options.rounds is None:
        options.rounds = gpu.ROUNDS if options.page else 9
    if options.threads is None:
        options.threads = gpu.default_threads() if options.page else 2
    if options.sizes is None and options.quick:
        options.sizes = list(problems.QUICK_SIZES)
    if options.quick:
        options.rounds = min(options.rounds, 3)
    if options.first_result:
        options.modes = ["first"]
    if options.contenders is None:
        options.contenders = list(contenders.DEFAULT)
    if options.device == "cuda":
        options.contenders += contenders.CUDA
    for path in (options.json, options.figure):
        if path and not path.absolute().parent.is_dir():
            p.error(f"there is no folder {path.parent} for {path.name}")
        if path and path.is_dir():
            p.error(f"{path} is a folder, but must be a file")
    if options.figure:
        if not set(options.modes) & set(problems.MODES):
            p.error(f"--figure draws the ratios of {', '.join(problems.MODES)}: there are none")
        if options.figure.suffix not in (".svg", ".png", ".pdf"):
            p.error(f"--figure is {options.figure}, but must end in .svg, .png or .pdf")
        try:
            import matplotlib  # noqa: F401
        except ModuleNotFoundError:
            p.error('--figure needs matplotlib: pip install "rnnbook[pages]"')
    return options


def run(options: argparse.Namespace) -> Report:
    def keep(report: Report) -> None:
        if options.json:
            report.save(options.json)

    if options.page:
        return gpu.measure(options.rounds, options.threads, say, keep)
    return measure(
        options.cells,
        options.modes,
        options.sizes,
        options.contenders,
        options.rounds,
        options.threads,
        say,
        keep,
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The process's exit code: 2 for what cannot be run, 130 after Ctrl-C."""
    options = checked(arguments)
    try:
        report = run(options)
    except (ValueError, BenchError, OSError) as error:
        print(f"python -m rnnbook.bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    print(report.table())
    try:
        if options.json:
            report.save(options.json)
        if options.figure:
            report.figure().savefig(options.figure)
    except OSError as error:
        print(f"python -m rnnbook.bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
