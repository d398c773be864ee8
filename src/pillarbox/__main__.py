"""`python -m pillarbox`."""

from pillarbox.app.cli.main import main

if __name__ == "__main__":
    main()
