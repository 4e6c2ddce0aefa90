"""`make bench`: our numbers, each against its anchor on the same machine in the same run."""
