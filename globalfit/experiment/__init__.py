"""What a likelihood is made of: its protocol, statistics, limit curves and rules of exclusion."""
