"""Dealtrail: from CRM exports to deal histories, pipeline metrics and a list of everything dirty."""
