"""What the scripts share that run jobs of the tests' tiny deck: the build they try, and text to train on."""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def options_of(description, runs, extra=None):
    """The command line's, with `extra` flags and their defaults; tests/run can be imported from then on, and runs that build's program."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--build", default="build/ci")
    parser.add_argument("--json", action="store_true")
    for flag, default in (extra or {}).items():
        parser.add_argument(flag, default=default)
    options = parser.parse_args()
    os.environ["ATOLL"] = str(SOURCE / options.build / "atoll")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(SOURCE / "tests" / "run"))
    return options


def rows_of(options, trial, describe):
    """What trial(folder, number) says of each run, told as they come unless all is told at once; and the seconds it took."""
    rows, begin = [], time.monotonic()
    with scratch_folder() as folder:
        for number in range(options.runs):
            rows.append(trial(folder, number))
            if not options.json:
                print(describe(number, rows[-1]), flush=True)
    return rows, time.monotonic() - begin


@contextlib.contextmanager
def scratch_folder():
    """A folder with prepared text, gone afterwards."""
    from support import prepare_data

    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        prepare_data(pathlib.Path(scratch))
        yield pathlib.Path(scratch)
