"""A person's right to be forgotten: `dealtrail forget <entity> <id>` (contract: Personal data; docs/operating.md)."""
