"""The ledger: every rule and every row; it knows nothing of SMTP, HTTP, Slack or YAML."""
