"""Parts shared by run.py and peers.py."""
