"""Shows the whole sync on this machine; see --help."""

import signal


def main() -> None:
    """Runs the command line of local_job."""
    # Its libraries take a second to import; Ctrl-C meanwhile must not show a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from scripts.local_job import app

    app()


if __name__ == "__main__":
    main()
