"""`openecr worker`: do the jobs of an installation apart from its servers, which have OPENECR_JOBS=false.

Any number of workers may run, beside each other and beside servers: each job is done by one of them.
"""

import argparse
import signal

from openecr.cli.installation import settings_of
from openecr.cli.saying import faults_told, say

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="VALUE", help="Where everything is kept. [openecr-data]")
    parser.add_argument("--log-format", metavar="VALUE", help="text or json [text]")
    parser.add_argument("--config", metavar="FILE", help="A TOML file with settings.")


def run(arguments: argparse.Namespace) -> int:
    # Before there are threads: one that may take a signal would not wake the one that waits for it. What
    # comes before it is ready is taken then.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    with faults_told():
        settings = settings_of(arguments, log_format=arguments.log_format)
        from openecr.server.app import build

        parts = build(settings, port=settings.port)
    parts.worker.start()
    say(f"ready: doing the jobs of {settings.data_dir.absolute()}")
    signal.sigwait(SIGNALS)
    parts.close()
    return 0
