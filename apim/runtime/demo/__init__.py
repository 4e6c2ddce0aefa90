"""Two sample APIs that really compute, and the data that `make demo` shows."""
