"""`python -m fastctc`: the command line."""

from fastctc.cli import script

if __name__ == "__main__":
    script()
