"""The doors: what residents, staff, partners and mail servers send us."""
