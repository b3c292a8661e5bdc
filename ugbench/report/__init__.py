"""Tables and figures from score records and runs."""
