"""What the scripts share that run jobs of the tests' tiny deck: the build they try, and text to train on."""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def options_of(description, runs):
    """The command line's; tests/run can be imported from then on, and runs that build's program."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--build", default="build/ci")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["ATOLL"] = str(SOURCE / options.build / "atoll")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(SOURCE / "tests" / "run"))
    return options


@contextlib.contextmanager
def scratch_folder():
    """A folder with prepared text, gone afterwards."""
    from support import prepare_data

    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        prepare_data(pathlib.Path(scratch))
        yield pathlib.Path(scratch)
