"""The command `webcare` in a process of its own: its own folder, environment and exit code.

The processes are forked from one that has loaded the program already: loading it takes longer than most commands.
"""

import asyncio
import ctypes
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.__main__ import main
from tests.fakes.patience import be_patient

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.fakes.command"])


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


async def webcare(folder: Path, *arguments: str, typed: str = "", **settings: object) -> Done:
    """Run the command in a folder with only these settings in its environment, and wait for its end."""
    return await _run(folder, arguments, settings, typed, as_root=True)


async def webcare_of_another_user(folder: Path, *arguments: str, **settings: object) -> Done:
    """Run the command as `webcare` does, without the rights that only root has, also when root runs the tests."""
    return await _run(folder, arguments, settings, "", as_root=False)


async def _run(
    folder: Path, arguments: tuple[str, ...], settings: Mapping[str, object], typed: str, *, as_root: bool
) -> Done:
    environment = {name.upper(): str(value) for name, value in settings.items()}
    (folder / "stdin").write_text(typed, encoding="utf-8")
    process = FORKS.Process(target=_typed, args=(folder, arguments, environment, as_root))
    process.start()
    await asyncio.to_thread(process.join)
    out, err = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    assert process.exitcode is not None
    return Done(process.exitcode, out, err)


def _typed(folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str], as_root: bool) -> None:
    os.chdir(folder)
    if not as_root:
        _give_up_rights()
    os.environ.clear()
    os.environ.update({"PATH": os.defpath, **environment})
    sys.argv = ["webcare", *arguments]
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = (folder / name).open(mode, encoding="utf-8", buffering=1)
        os.dup2(stream.fileno(), number)
        setattr(sys, name, stream)
    be_patient()
    main()


def _give_up_rights() -> None:
    """Give up what root may do and others may not (https://man7.org/linux/man-pages/man2/capset.2.html)."""
    version_3, this_process, none_of_any = 0x20080522, 0, 6 * [0]
    header, rights = (ctypes.c_uint32 * 2)(version_3, this_process), (ctypes.c_uint32 * 6)(*none_of_any)
    assert ctypes.CDLL(None).capset(header, rights) == 0
