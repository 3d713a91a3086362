from openecr.cli import main

if __name__ == "__main__":  # a process made for a heavy job imports this too (server/apart.py)
    main()
