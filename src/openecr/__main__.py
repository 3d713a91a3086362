from openecr.cli import main

main()
