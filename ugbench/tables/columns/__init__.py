"""Extra columns of a table: cost, attention mass, published numbers, votes; and the ranking of methods over blocks."""
