"""`python -m modelyard`: the command line, in whichever environment the interpreter belongs to.

Knows nothing but where the command line is.
"""

from modelyard.cli.main import run

if __name__ == "__main__":
    run()
