"""report/owners: for each owner a page and a CSV of what to mend and of their open deals (docs/digest.md)."""
