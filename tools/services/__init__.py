"""Real servers for tests, without containers: fetched by the machine's own clients, started on free ports, ended.

A server is a class with ``start`` and ``stop``. What it is made of comes from Debian's packages (``debian.py``) or from
Maven (``maven.py``), is checked against the hash that stands here, and is kept under ``.cache/services`` between runs.
"""
