"""The bot running in a process of its own, which SIGKILL ends: nothing in it can tidy up.

It is forked from a process that has loaded the program already, because loading it takes longer than most tests.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot import connectors
from bot.__main__ import main
from tests.fakes.patience import be_patient
from tests.fakes.wall import INSTALLED

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["bot.__main__", "tests.fakes.process"])


@asynccontextmanager
async def killed_at_the_end(folder: Path, *arguments: str, **settings: object) -> AsyncIterator[BaseProcess]:
    """Run `webcare run` with only these settings, and kill it at the end of the block.

    Its log goes to folder/log, and when the block fails also to where pytest shows it.
    """
    environment = {name.upper(): str(value) for name, value in settings.items()}
    process = FORKS.Process(target=_webcare_run, args=(folder, environment, arguments))
    process.start()
    try:
        yield process
    except BaseException:
        with suppress(FileNotFoundError):
            sys.stdout.write((folder / "log").read_text(encoding="utf-8"))
        raise
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


def _webcare_run(folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update({"PATH": os.defpath, **environment})
    with open("log", "a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.path.append(str(INSTALLED))
    connectors.registry.cache_clear()
    be_patient()
    sys.argv = ["webcare", "run", *arguments]
    main()
