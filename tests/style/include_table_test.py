#!/usr/bin/env python3
"""The include table: which folder may include which. Run without arguments it checks this repository.

python3 tests/style/include_table_test.py              lists what breaks the table, exit code 1 if anything does
python3 tests/style/include_table_test.py --self-test  plants violations and expects each to be found
"""

import pathlib
import re
import sys
import tempfile

# A module may always include itself. Kernels lie beside src/, all others in it.
MAY_INCLUDE = {
    "base": "",
    "kernels": "outer",
    "deck": "base",
    "comm": "base deck",
    "tensor": "base",
    "data": "base deck",
    "model": "base deck tensor kernels",
    "optim": "base deck tensor kernels",
    "protocol": "base deck tensor",
    "outer": "base tensor",
    "transport": "base comm protocol",
    "sim": "base deck tensor protocol outer",
    "checkpoint": "base",
    "interop": "base tensor model",
    "train": "base kernels deck comm tensor data model optim protocol outer transport checkpoint interop",
}
MAY_INCLUDE["app"] = " ".join(MAY_INCLUDE)

# The protocol reads no clock, owns no thread, does no I/O and touches no numbers: its drivers do.
PROTOCOL_MAY_NOT = re.compile(
    r"(base/(clock|log)\.hpp|mpi\.h|thread|mutex|chrono|fstream|hdf5.*|H5.*|Kokkos_.*)$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
WORLD = re.compile(r"\bMPI_COMM_WORLD\b")
MAY_NAME_THE_WORLD = ("app", "comm")


def sources(root):
    """Yields (module, file) for every C++ file that the table speaks of."""
    for folder in ("src", "kernels", "app"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in (".cpp", ".hpp", ".cu", ".cuh"):
                parts = file.relative_to(root).parts
                yield (parts[1] if folder == "src" else folder), file


def complaints_about(module, line):
    if WORLD.search(line) and module not in MAY_NAME_THE_WORLD:
        yield "MPI_COMM_WORLD is named in app/ and src/comm/ only"
    include = INCLUDE.match(line)
    if not include:
        return
    quoted, path = include[1] == '"', include[2]
    target = path.split("/")[0]
    if target in MAY_INCLUDE and "/" in path:
        if target != module and target not in MAY_INCLUDE[module].split():
            yield f"{module} may not include {target}"
    elif quoted:
        yield f'"{path}" is no path from src/ or the repository\'s root'
    if module == "protocol" and PROTOCOL_MAY_NOT.match(path):
        yield f"protocol may not include {path}"


def violations(root):
    found = []
    seen = list(sources(root))
    if not seen:
        return [f"{root} holds no sources"]
    for module, file in seen:
        name = file.relative_to(root)
        if module not in MAY_INCLUDE:
            found.append(f"{name}: the folder '{module}' is not in the include table")
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found += [f"{name}:{number}: {complaint}" for complaint in complaints_about(module, line)]
    return found


def self_test():
    allowed = {
        "src/base/a.hpp": '#include "base/b.hpp"\n#include <mutex>\n#include <chrono>',
        "src/protocol/a.cpp": '#include "protocol/a.hpp"\n#include "tensor/b.hpp"\n#include <vector>',
        "src/protocol/a.hpp": '#include "base/error.hpp"',
        "src/protocol/b.cpp": '// #include <thread> would be wrong here',
        "src/comm/world.cpp": '#include <mpi.h>\n  MPI_Comm_dup(MPI_COMM_WORLD, &c);',
        "src/transport/mpi/a.cpp": '#include "transport/transport.hpp"\n#include "comm/world.hpp"',
        "src/train/a.cpp": '#include "transport/transport.hpp"\n#include "kernels/views.hpp"',
        "src/train/b.cpp": 'std::getenv("OMPI_COMM_WORLD_RANK")',
        "kernels/reference/a.cpp": '#include "kernels/views.hpp"\n#include <Kokkos_Core.hpp>',
        "app/main.cpp": '#include "sim/fleet.hpp"\n#include "train/site_run.hpp"',
    }
    planted = {
        "src/base/a.cpp": '#include "deck/config.hpp"',
        "src/base/b.cpp": "#include <deck/config.hpp>",
        "src/data/a.cpp": '#include "comm/communicator.hpp"',
        "src/model/a.cpp": ' # include "optim/clip.hpp"  // spaced',
        "src/outer/a.cpp": '#include "deck/config.hpp"',
        "src/transport/mpi/a.cpp": '#include "deck/config.hpp"',
        "src/checkpoint/a.cpp": '#include "tensor/param_table.hpp"',
        "src/train/a.cpp": '#include "sim/fleet.hpp"',
        "src/train/b.cpp": '#include "app/flags.hpp"',
        "src/train/c.cpp": "MPI_Barrier(MPI_COMM_WORLD);",
        "src/tensor/a.hpp": '#include "partition.hpp"',
        "src/tensor/b.hpp": '#include "../base/error.hpp"',
        "src/tools/a.cpp": "int x;",
        "kernels/a.cpp": '#include "base/error.hpp"',
        "src/protocol/a.cpp": '#include "base/clock.hpp"',
        "src/protocol/b.cpp": '#include "base/log.hpp"',
    }
    forbidden = ["mpi.h", "thread", "mutex", "chrono", "fstream", "hdf5.h", "H5Cpp.h", "Kokkos_Core.hpp"]
    planted |= {f"src/protocol/{i}.cpp": f"#include <{header}>" for i, header in enumerate(forbidden)}

    def found_in(tree):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in tree.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text + "\n", encoding="utf-8")
            return violations(root)

    wrong = [f"wrongly found: {line}" for line in found_in(allowed)]
    wrong += [f"not found: {name}: {text}" for name, text in planted.items() if not found_in({name: text})]
    return wrong


if __name__ == "__main__":
    repository = pathlib.Path(__file__).resolve().parents[2]
    problems = self_test() if "--self-test" in sys.argv else violations(repository)
    print("\n".join(problems))
    sys.exit(1 if problems else 0)
