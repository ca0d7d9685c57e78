"""report/deals: for each of the worst deals a page that tells its whole life (docs/restatements.md)."""
