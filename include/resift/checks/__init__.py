"""What the judge checks with Great Expectations, and the breaker."""
