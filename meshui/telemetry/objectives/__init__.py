"""What a service promises, how much of its error budget is left, and how fast that burns."""
