"""Load with a schedule while processes are killed."""
