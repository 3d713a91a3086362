"""Clients as people have them, against a server as people start it: `make clients`, as root, on Debian 12.

One file per client, and some for what concerns several: `test_debian_image.py` (the main job),
`test_public.py`, `test_addressing.py`, `test_large_layer.py`. What they share: `server.py` starts openecr,
`programs.py` any other program, `layouts.py` puts images on disk, and the fixtures of `conftest.py` are
the clients, each logged in and with a store of its own.

A new client gets a fixture there and a file here; what it needs from Debian goes into `install.sh`.
A test speaks as the client's user would and looks at what the client says; how the server goes about it
is tested elsewhere. Nothing is left behind: every file is in a folder that goes away, every daemon ends.

Not here, for want of a place where it runs everywhere: `podman run`, which needs cgroups of one version.
"""
