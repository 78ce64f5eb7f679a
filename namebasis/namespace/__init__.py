"""Names and the data set that holds them."""
