"""Generate src/tidegate/wire/proto from protos/: `python tools/protos.py` writes, `--check` only compares.

The compiler names modules after the path below protos/ (risk.v1.main_pb2); here they live below tidegate.wire.proto, so
the imports are rewritten to say so. The registered file name stays risk/v1/main.proto, which is what reflection shows.
"""

import re
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ROOT / "src" / "tidegate" / "wire" / "proto"
PACKAGE = "tidegate.wire.proto"
_PACKAGE_DOC = '"""Generated from protos/ by tools/protos.py; not edited."""\n'


def generate(target: Path) -> None:
    """Write the whole generated package into target, which must be empty.

    Raises:
        SystemExit: the compiler refused a proto; it has said why.
    """
    protos = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    if not protos:
        sys.exit(f"protos: no .proto file below {PROTOS.name}/")
    well_known = str(files("grpc_tools") / "_proto")
    plugins = Path(sys.executable).parent
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={well_known}",
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet:{target}",
            *protos,
        ]
    )
    if status != 0:
        sys.exit(status)
    roots = sorted({proto.split("/")[0] for proto in protos})
    for path in [*target.rglob("*.py"), *target.rglob("*.pyi")]:
        path.write_text(_below_our_package(path.read_text(encoding="utf-8"), roots), encoding="utf-8")
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(_PACKAGE_DOC, encoding="utf-8")


def differences(fresh: Path, present: Path) -> list[str]:
    """Paths, relative to the generated package, that are missing, changed or left over."""
    names = _names(fresh) | _names(present)
    return sorted(name for name in names if _bytes(fresh / name) != _bytes(present / name))


def main(arguments: list[str]) -> int:
    """Generate, or with --check compare; 1 when the check finds a difference."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        generate(fresh)
        stale = differences(fresh, GENERATED)
        if "--check" in arguments:
            for name in stale:
                print(f"{GENERATED.relative_to(ROOT) / name}: differs from what protos/ says. Instead: make protos.")
            return 1 if stale else 0
        for name in stale:
            _install(fresh / name, GENERATED / name)
    print(f"protos: {len(stale)} file{'' if len(stale) == 1 else 's'} written")
    return 0


def _below_our_package(text: str, roots: list[str]) -> str:
    dotted = "|".join(map(re.escape, roots))
    text = re.sub(rf"^from ({dotted})([.\w]*) import", rf"from {PACKAGE}.\1\2 import", text, flags=re.MULTILINE)
    return re.sub(
        rf"^import ((?:{dotted})(?:\.\w+)*)( as \w+)?$",
        lambda match: f"import {PACKAGE}.{match[1]}{match[2] or ''}",
        text,
        flags=re.MULTILINE,
    )


def _names(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.suffix in {".py", ".pyi"})
    return {path.relative_to(folder).as_posix() for path in found}


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _install(fresh: Path, present: Path) -> None:
    if not fresh.exists():
        present.unlink()
        return
    present.parent.mkdir(parents=True, exist_ok=True)
    present.write_bytes(fresh.read_bytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
