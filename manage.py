#!/usr/bin/env python
"""Django's command line for the control plane; ``demo`` and ``up`` run it whole."""

import os
import sys


def main() -> None:
    if sys.argv[1:] in (["demo"], ["up"]):
        # These make the environment that the settings read, so they run before Django.
        from meshui.demo import runner

        sys.exit(runner.main(sys.argv[1]))
    if sys.argv[1:2] == ["open-snapshot"]:
        from meshui.snapshots import runner as snapshots

        sys.exit(snapshots.main(sys.argv[2:]))
    if "DATABASE_URL" not in os.environ:
        # Nobody said which control plane is meant: the demo, if there is one.
        from meshui.demo.environment import recall

        os.environ.update(recall(os.environ))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshui.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
