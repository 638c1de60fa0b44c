"""`python -m counterfoil.cli` is the `counterfoil` command."""

from counterfoil.cli.main import main

if __name__ == "__main__":
    main()
