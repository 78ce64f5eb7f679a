"""What `where`, `order_by` and `columns` may hold beyond what the engine knows, and its rows.

`rows` reads; `language` parses with sqlglot what goes beyond the engine's SQL and refuses the rest;
`evaluation` gives it values, the engine's where the engine knows them; `functions` holds those of
names. Nothing here imports sqlglot before such an expression is met.
"""
