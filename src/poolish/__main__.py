"""`python -m poolish`: the command line, where no script `poolish` is on the path."""

from poolish.cli.main import main

if __name__ == "__main__":
    main()
