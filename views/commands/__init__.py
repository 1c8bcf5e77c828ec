"""What people can type, a file for each group of commands; `cli.py` lists them all."""
