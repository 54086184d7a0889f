"""The keeper as a program: started by its path, so that neither the current folder nor the environment can interfere."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from jobs.postgres.keeper import main

if __name__ == "__main__":
    main(sys.argv[1:])
