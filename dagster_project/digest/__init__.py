"""`dealtrail digest`: sends each owner what is theirs to mend, where that changed (docs/digest.md)."""
