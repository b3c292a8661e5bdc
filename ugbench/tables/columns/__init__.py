"""Extra columns of a table: cost, published numbers, votes, attention mass; and the ranking over data sets."""
