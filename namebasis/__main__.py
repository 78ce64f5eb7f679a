"""`python -m namebasis`: the command line, where its script is not on the path."""

from namebasis.cli import run

if __name__ == "__main__":
    run()
